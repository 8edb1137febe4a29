create function app.progress_job(p_job_id uuid)
returns void
language sql
set search_path = ''
as $$
  update app.jobs set attempts = 0, last_fault = null where id = p_job_id;
$$;
comment on function app.progress_job(uuid) is
  'Forgets what failed before a step of a job that has now been done.';
