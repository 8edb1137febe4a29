-- A text from a lead. Everything it changes commits together or not at all:
-- the proof that it was handled, the text, the consent it gives or takes, and
-- the answer it is owed, already claimed for the caller.
--
-- Only a text that begins or ends with digits (may_join) may need a second
-- call: the outcome joins stores no text and returns the texts before, so that
-- no part of a card number is completed by what is stored. The caller decides,
-- and calls again with those of them that are to be masked (joined).
create function public.receive_sms(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sid text := request ->> 'message_sid';
  v_business app.businesses;
  v_lead app.leads;
  v_message_id uuid;
  v_previous jsonb;
  v_work jsonb := '[]';
begin
  select b.* into v_business
  from app.sender_numbers n
  left join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
  elsif v_business.state is distinct from 'active' then
    perform app.turn_away(v_business.id, request);
    return jsonb_build_object('outcome', 'closed', 'work', v_work);
  end if;

  -- A redelivery changes nothing, not even when the lead was last heard of.
  if exists (select from app.webhook_events where provider = 'twilio' and event_id = v_sid) then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  v_lead := app.touch_lead(v_business.id, request);
  if (request ->> 'may_join')::boolean and not request ? 'joined' then
    v_previous := app.texts_to_join(v_lead.id);
    if v_previous is not null then
      return jsonb_build_object('outcome', 'joins', 'previous', v_previous, 'work', v_work);
    end if;
  end if;

  -- A delivery that was in flight at the same time has left its row by now.
  insert into app.webhook_events (provider, event_id, type)
  values ('twilio', v_sid, 'message')
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  v_message_id := app.store_inbound(v_lead, request);
  if (request ->> 'masked_count')::integer > 0 then
    v_work := v_work || app.owe_redaction(v_message_id);
  end if;
  v_work := v_work || coalesce(app.take_media(v_message_id, request -> 'media'), '[]');
  v_work := v_work || app.mask_joined(v_lead.id, request -> 'joined');

  -- Who texts us can be reached.
  perform app.lift_suppressions(v_business.id, v_lead.phone_hmac, array['unreachable']);
  v_work := v_work || app.act_on_meaning(v_business, v_lead, v_message_id, request);
  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$$;
comment on function public.receive_sms(jsonb) is
  'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';
grant execute on function public.receive_sms(jsonb) to service_role;
