-- Locks the job's lead where it sends.
create function app.work_of(p_job app.jobs)
returns jsonb
language sql
set search_path = ''
as $$
  select case p_job.kind
    when 'reply' then app.reply_work(p_job.id)
    when 'send' then app.send_work_if_due(p_job)
    when 'redact' then app.redact_work(p_job.id)
    when 'media' then app.media_work(p_job.id)
    when 'export' then app.export_work(p_job)
    when 'closure' then app.closure_work(p_job)
  end;
$$;
comment on function app.work_of(app.jobs) is
  'What the holder of a claimed job is to do; null if there is nothing to do for it now.';
