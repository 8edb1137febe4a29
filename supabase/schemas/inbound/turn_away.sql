-- Invariant: A number of nobody takes nothing in. app.sender_numbers.business_id is null
-- between two shops. A text to it, or to a shop that is being closed, leaves a
-- suppression if it is a STOP, and that Twilio is to empty it.
--
-- What Twilio keeps of such a text is owed too. Not of one that was taken in while
-- the shop was open and is delivered again: that goes with the account.
create function app.turn_away(p_business_id uuid, request jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if request ->> 'meaning' = 'stop' then
    insert into app.suppressions (sender_phone, phone_hmac, reason)
    select n.phone, decode(request ->> 'phone_hmac', 'hex'), 'opted_out'
    from app.sender_numbers n
    where n.phone = request ->> 'to' or n.business_id = p_business_id
    order by n.phone
    on conflict (sender_phone, phone_hmac) do update
      set reason = 'opted_out', since = excluded.since
      where suppressions.reason <> 'opted_out';
  end if;
  insert into app.twilio_redactions (message_sid, media_sids)
  select request ->> 'message_sid', coalesce(
    (
      select array_agg(m.value ->> 'twilio_sid')
      from jsonb_array_elements(request -> 'media') m
    ),
    '{}'
  )
  where not exists (
    select
    from app.webhook_events
    where provider = 'twilio' and event_id = request ->> 'message_sid'
  )
  on conflict do nothing;
end;
$$;
comment on function app.turn_away(uuid, jsonb) is
  'What is left of a text that nobody takes: a STOP, and that Twilio is to forget it.';
