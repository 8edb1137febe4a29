create function app.closure_work(p_job app.jobs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'job_id', p_job.id,
    'fencing_token', p_job.fencing_token,
    'closure_id', c.id,
    'business_id', c.business_id
  )
  from app.closures c
  where c.id = p_job.closure_id;
$$;
comment on function app.closure_work(app.jobs) is 'What the holder of a closure needs to know.';
