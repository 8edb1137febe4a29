create function app.store_inbound(p_lead app.leads, request jsonb)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_message_id uuid;
begin
  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    p_lead.business_id, p_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint,
    request ->> 'message_sid', 'received'
  )
  returning id into v_message_id;
  return v_message_id;
end;
$$;
comment on function app.store_inbound(app.leads, jsonb) is 'Stores a text from a lead, and returns its id.';
