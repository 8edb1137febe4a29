create function app.put_off_job(
  p_job_id uuid, p_until timestamptz, p_fault text default null
)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until,
      attempts = greatest(attempts - 1, 0),
      last_fault = coalesce(p_fault, last_fault)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.put_off_job(uuid, timestamptz, text) is
  'Gives back a job whose time has not come, or that its holder can do nothing about (p_fault): that is no attempt.';
