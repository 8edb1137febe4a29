create function app.note_message()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update app.conversations
  set last_message_id = new.id,
      is_unanswered = new.direction = 'inbound' and suppressed_at is null
  where lead_id = new.lead_id and last_message_id < new.id;
  if not found then
    insert into app.conversations (
      lead_id, business_id, last_message_id, is_unanswered, suppressed_at
    )
    select l.id, l.business_id, new.id, new.direction = 'inbound' and s.suppressed_at is null,
      s.suppressed_at
    from app.leads l
    cross join lateral (select app.suppressed_at(l.business_id, l.phone_hmac)) s (suppressed_at)
    where l.id = new.lead_id
    -- It is there, with a newer text.
    on conflict (lead_id) do nothing;
  end if;
  return null;
end;
$$;
comment on function app.note_message() is
  'Trigger of app.messages: keeps app.conversations. Whoever writes a text holds the lead''s lock.';
