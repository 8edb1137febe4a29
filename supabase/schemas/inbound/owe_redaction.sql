-- A text that Twilio still has as it was written, with what we masked.
create function app.owe_redaction(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('redact', p_message_id, app.clock() + app.lease(), 1, 1)
  on conflict (kind, message_id) do nothing
  returning id into v_job_id;
  return app.redact_work(v_job_id);
end;
$$;
comment on function app.owe_redaction(uuid) is
  'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';
