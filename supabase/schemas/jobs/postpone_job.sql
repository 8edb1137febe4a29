-- Doubling from 5 seconds to a quarter of an hour, with jitter so that what
-- failed together does not come back together.
create function app.postpone_job(p_job_id uuid, p_at_least interval)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = app.clock() + greatest(
    least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10)))
      * (0.5 + pg_catalog.random() / 2),
    p_at_least
  )
  where id = p_job_id and finished_at is null;
$$;
comment on function app.postpone_job(uuid, interval) is 'Puts a job that failed for now back in line.';
