create function app.is_held(p_job app.jobs, request jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    p_job.state = 'open' and p_job.fencing_token = (request ->> 'fencing_token')::bigint, false
  );
$$;
comment on function app.is_held(app.jobs, jsonb) is
  'Whether the caller (fencing_token) holds a job: nobody has claimed it since, and it is not finished.';
