create function app.retry_job(
  p_job_id uuid, p_at_least interval default interval '0', p_fault text default null
)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = app.clock() + greatest(app.wait_after(kind, attempts), p_at_least),
      last_fault = coalesce(p_fault, last_fault)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.retry_job(uuid, interval, text) is
  'Puts a job that failed for now back in line, and keeps why, if that is known.';
