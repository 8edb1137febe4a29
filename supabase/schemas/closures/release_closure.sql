-- The time of the run is over, or all is done for now: the next run may go on.
create function public.release_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with released as (
    update app.closures
    set run_at = app.clock()
    where id = (request ->> 'closure_id')::uuid
      and fencing_token = (request ->> 'fencing_token')::bigint
      and state = 'open'
    returning id
  )
  select jsonb_build_object('outcome', case when exists (select from released) then 'released' else 'stale' end);
$$;
comment on function public.release_closure(jsonb) is
  'Gives a closure back before its lease is over. Outcome: released or stale.';
grant execute on function public.release_closure(jsonb) to service_role;
