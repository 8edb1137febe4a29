-- For executables of before there were queues; goes with the next release.
create function public.claim_export(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select jsonb_build_object('work', c.claimed -> 'work' -> 0, 'close_to_due', c.claimed -> 'late')
  from (select public.claim_jobs('{"queue": "exports", "limit": 1}') as claimed) c;
$$;
comment on function public.claim_export(jsonb) is 'As claim_jobs, of one export.';
grant execute on function public.claim_export(jsonb) to service_role;
