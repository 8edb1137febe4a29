-- Texts to shops that are being closed, and to numbers of nobody: nothing of them
-- is stored and nobody answers. That somebody does not want to be texted counts
-- all the same, for whoever has the number next.

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

-- A text from a lead. Everything it changes commits together or not at all:
-- the proof that it was handled, the text, the consent it gives or takes, and
-- the answer it is owed, already claimed for the caller.
--
-- Only a text that begins or ends with digits (may_join) may need a second
-- call: the outcome joins stores no text and returns the texts before, so that
-- no part of a card number is completed by what is stored. The caller decides,
-- and calls again with those of them that are to be masked (joined).
create or replace function public.receive_sms(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sid text := request ->> 'message_sid';
  v_meaning text := request ->> 'meaning';
  v_language text := request ->> 'language';
  v_is_answered boolean := (request ->> 'is_answered_by_twilio')::boolean;
  v_hmac bytea := pg_catalog.decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_lead app.leads;
  v_ledger app.consent_ledgers;
  v_message_id uuid;
  v_previous jsonb;
  v_joined_id uuid;
  v_fixed_text text;
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

  -- Locks the lead to the end: the gate of any text to it waits, then sees us,
  -- and so does another text of the lead's that arrives at the same moment.
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (v_business.id, request ->> 'from', v_hmac, v_language, app.clock())
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;

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

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    v_business.id, v_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint, v_sid, 'received'
  )
  returning id into v_message_id;
  if (request ->> 'masked_count')::integer > 0 then
    v_work := v_work || app.owe_redaction(v_message_id);
  end if;
  v_work := v_work || coalesce(app.take_media(v_message_id, request -> 'media'), '[]');

  -- The parts of a number that the text just stored would complete.
  for v_joined_id in
    update app.messages m
    set body = j.masked_body, masked_count = m.masked_count + 1
    from jsonb_to_recordset(request -> 'joined') j (message_id uuid, masked_body text)
    where m.id = j.message_id and m.lead_id = v_lead.id and m.direction = 'inbound'
    returning m.id
  loop
    v_work := v_work || coalesce(app.owe_redaction(v_joined_id), '[]');
  end loop;

  -- Who texts us can be reached.
  perform app.lift_suppressions(v_business.id, v_hmac, array['unreachable']);

  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(v_business.id, v_hmac) then 'start' else 'text'
    end;
  end if;

  -- A fixed answer is given once, and not where Twilio has given one. That to a
  -- STOP is queued while it still may be, and claimed at once: any later claim
  -- meets the suppression.
  if v_meaning = 'start' then
    perform app.lift_suppressions(v_business.id, v_hmac, array['opted_out', 'unreachable']);
    perform app.record_consent(
      v_lead, v_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
  end if;
  if v_meaning in ('help', 'start', 'stop') and not v_is_answered then
    v_fixed_text := app.fixed_text(v_business, v_meaning, v_language);
    v_work := v_work || coalesce(
      app.queue_text(v_lead.id, request ->> 'to', 'system', v_fixed_text, v_message_id) -> 'send', '[]'
    );
  end if;
  if v_meaning = 'stop' then
    if app.suppress(v_business.id, v_hmac, 'opted_out') then
      perform app.record_consent(
        v_lead, v_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
      );
      -- Words of their own may be misunderstood: the owner looks.
      if (request ->> 'is_in_words')::boolean then
        perform app.flag_for_owner(v_lead.id, 'opted_out_in_words');
      end if;
    end if;
  elsif v_meaning <> 'start' and not app.is_suppressed(v_business.id, v_hmac) then
    -- An inquiry implies consent for half a year. One that comes within a month
    -- of the last that was recorded, or on top of express consent, adds nothing
    -- that is worth a row.
    select * into v_ledger
    from app.consent_ledgers
    where business_id = v_business.id and phone_hmac = v_hmac;
    if v_ledger.express_since is null
      and coalesce(v_ledger.inquiry_until < app.clock() + interval '5 months', true)
    then
      perform app.record_consent(
        v_lead, v_message_id, 'granted', 'implied_inquiry', 'text', null, null,
        app.clock() + interval '6 months'
      );
    end if;
    if v_meaning = 'text' then
      v_work := v_work || coalesce(app.owe_reply(v_message_id), '[]');
    end if;
  end if;

  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$$;
