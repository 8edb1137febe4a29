-- For executables of before there were queues; goes with the next release.
create function public.release_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select public.release_job(request);
$$;
comment on function public.release_closure(jsonb) is 'As release_job, of a closure (closure_id).';
grant execute on function public.release_closure(jsonb) to service_role;
