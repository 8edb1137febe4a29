create function app.take_media(p_message_id uuid, p_media jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.media (message_id, business_id, position, twilio_sid, told_type)
  select p_message_id, t.business_id, m.position, m.twilio_sid, m.told_type
  from app.messages t
  cross join jsonb_to_recordset(p_media) m (position smallint, twilio_sid text, told_type text)
  where t.id = p_message_id;
  if not found then
    return null;
  end if;
  v_job_id := app.owe_job('media', p_message_id);
  return app.media_work(v_job_id);
end;
$$;
comment on function app.take_media(uuid, jsonb) is
  'Records what came with a text, and makes a claimed job of taking it over. Returns its work; null if nothing came.';
