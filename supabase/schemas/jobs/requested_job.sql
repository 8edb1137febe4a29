create function app.requested_job(request jsonb)
returns uuid
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (request ->> 'job_id')::uuid,
    -- Executables of before there were queues name what it is about.
    (select id from app.jobs where export_id = (request ->> 'export_id')::uuid),
    (select id from app.jobs where closure_id = (request ->> 'closure_id')::uuid)
  );
$$;
comment on function app.requested_job(jsonb) is 'The job that a call is about (job_id).';
