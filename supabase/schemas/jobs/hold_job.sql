create function app.hold_job(request jsonb)
returns app.jobs
language sql
set search_path = ''
as $$
  update app.jobs j
  set run_at = app.clock() + app.lease(j.kind)
  where j.id = app.requested_job(request) and app.is_held(j, request)
  returning *;
$$;
comment on function app.hold_job(jsonb) is
  'Renews the lease of a job (job_id, fencing_token) and locks it; null for whoever has lost it.';
