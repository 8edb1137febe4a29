create function app.media_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', 'media',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'attempt', j.attempts,
    'twilio_sid', t.twilio_sid,
    'media', jsonb_agg(
      jsonb_build_object(
        'position', m.position,
        'twilio_sid', m.twilio_sid,
        'storage_path', m.storage_path,
        'is_settled', m.state <> 'pending'
      )
      order by m.position
    )
  )
  from app.jobs j
  join app.messages t on t.id = j.message_id
  join app.media m on m.message_id = j.message_id
  where j.id = p_job_id and m.removed_at is null
  group by j.id, t.id;
$$;
comment on function app.media_work(uuid) is
  'What is left to do for a text''s pictures: all that Twilio may still have.';
