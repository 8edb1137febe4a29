-- For executables of before there were queues; goes with the next release.
create function public.claim_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select jsonb_build_object('work', c.claimed -> 'work' -> 0, 'overdue', c.claimed -> 'late')
  from (select public.claim_jobs('{"queue": "closures", "limit": 1}') as claimed) c;
$$;
comment on function public.claim_closure(jsonb) is 'As claim_jobs, of one closure.';
grant execute on function public.claim_closure(jsonb) to service_role;
