-- A job is open as long as it is not finished (finished_when_not_open). Said with
-- state, Postgres looks a job up among all open ones (jobs_due_idx), of which it
-- expects none, instead of by its id.
create function app.finish_job(p_job_id uuid, p_state text, p_outcome text)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and finished_at is null;
$$;
comment on function app.finish_job(uuid, text, text) is 'Ends a job as done or dead.';
