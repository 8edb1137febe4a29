create function public.claim_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  update app.closures
  set run_at = app.clock() + app.closure_lease(), fencing_token = fencing_token + 1
  where id = (
    select id
    from app.closures
    where state = 'open' and run_at <= app.clock()
    order by run_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_closure;
  return jsonb_build_object(
    'work', case when found then app.closure_work(v_closure) end,
    'overdue', (select count(*) from app.closures c where app.is_overdue(c))
  );
end;
$$;
comment on function public.claim_closure(jsonb) is
  'Claims a closure that is due to be worked on, and tells how many are overdue.';
grant execute on function public.claim_closure(jsonb) to service_role;
