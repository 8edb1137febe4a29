create function app.export_work(p_job app.jobs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'job_id', p_job.id,
    'fencing_token', p_job.fencing_token,
    'export_id', e.id,
    'business_id', e.business_id,
    'format', e.format,
    'storage_path', e.storage_path
  )
  from app.exports e
  where e.id = p_job.export_id;
$$;
comment on function app.export_work(app.jobs) is 'What the holder of an export needs to know.';
