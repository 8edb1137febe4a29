-- A text that Twilio still has as it was written, with what we masked.
create function app.owe_redaction(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid := app.owe_job('redact', p_message_id);
begin
  return app.redact_work(v_job_id);
end;
$$;
comment on function app.owe_redaction(uuid) is
  'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';
