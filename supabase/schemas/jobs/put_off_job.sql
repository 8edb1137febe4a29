create function app.put_off_job(p_job_id uuid, p_until timestamptz)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until, attempts = greatest(attempts - 1, 0)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.put_off_job(uuid, timestamptz) is
  'Gives back a job whose time has not come: that is no attempt.';
