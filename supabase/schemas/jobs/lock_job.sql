create function app.lock_job(request jsonb)
returns app.jobs
language sql
set search_path = ''
as $$
  select * from app.jobs where id = app.requested_job(request) for no key update;
$$;
comment on function app.lock_job(jsonb) is 'The job that a call is about (job_id), locked, whoever holds it.';
