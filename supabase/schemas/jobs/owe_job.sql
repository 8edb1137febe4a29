-- Whoever makes a job mostly begins with it; if that process dies, the scheduler does.
-- What a job's work is, is to be asked in a statement of its own, which sees the job.
create function app.owe_job(
  p_kind text,
  p_message_id uuid default null,
  p_export_id uuid default null,
  p_closure_id uuid default null,
  p_run_at timestamptz default null
)
returns uuid
language sql
set search_path = ''
as $$
  insert into app.jobs (
    kind, message_id, export_id, closure_id, run_at, attempts, fencing_token
  )
  select p_kind, p_message_id, p_export_id, p_closure_id,
    coalesce(p_run_at, app.clock() + app.lease(p_kind)), c.claims, c.claims
  from (select case when p_run_at is null then 1 else 0 end as claims) c
  on conflict do nothing
  returning id;
$$;
comment on function app.owe_job(text, uuid, uuid, uuid, timestamptz) is
  'Makes a job, claimed for the caller unless it says from when anybody may claim it. Returns its id; null if that is owed already.';
