-- Gives a message Twilio's SID and, if it outranks the present one, status.
-- False if the message is known to Twilio under another SID: it was sent twice.
create function app.advance_message(p_message_id uuid, p_sid text, p_status text, p_error_code integer)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
begin
  select * into strict v_message from app.messages where id = p_message_id for no key update;
  if v_message.twilio_sid is distinct from p_sid and v_message.twilio_sid is not null then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'message_sent_twice', v_message.id);
    return false;
  end if;

  update app.messages
  set twilio_sid = p_sid,
      status = p_status,
      error_code = p_error_code
  where id = p_message_id
    -- Of two reports with one status the higher error code stays: any order, one end.
    and (app.status_rank(p_status), coalesce(p_error_code, 0))
      > (app.status_rank(status), coalesce(error_code, 0));
  if not found then
    update app.messages set twilio_sid = p_sid where id = p_message_id and twilio_sid is null;
  end if;
  return true;
end;
$$;
comment on function app.advance_message(uuid, text, text, integer) is
  'Moves a message up the ranks of app.status_rank, never down.';
