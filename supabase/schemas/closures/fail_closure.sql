-- For executables of before there were queues; goes with the next release.
create function public.fail_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select public.fail_job(request);
$$;
comment on function public.fail_closure(jsonb) is 'As fail_job, of a closure (closure_id).';
grant execute on function public.fail_closure(jsonb) to service_role;
