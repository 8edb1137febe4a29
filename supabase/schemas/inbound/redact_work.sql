create function app.redact_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', 'redact',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'twilio_sid', m.twilio_sid
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.id = p_job_id;
$$;
comment on function app.redact_work(uuid) is 'A claimed redact job: the text to empty at Twilio.';
