-- What a text brings: fixed answers from one function, inquiries that renew
-- consent, and card numbers that come in two texts.

-- Help as the Canadian short-code rules want it: who texts, how to reach them,
-- how to stop. The confirmation of a STOP is the one 47 CFR 64.1200(a)(12)
-- allows, within five minutes and without marketing.
create function app.fixed_text(p_business app.businesses, p_kind text, p_language text)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    case p_kind || ' ' || coalesce(p_language, p_business.language)
      when 'help en' then '%1$s: this number answers customers by text. Contact: %2$s. Reply STOP to receive no more texts.'
      when 'help fr' then '%1$s : ce numéro répond aux clients par texto. Contact : %2$s. Répondez ARRET pour ne plus recevoir de textos.'
      when 'stop en' then '%1$s: you will get no more texts from us. Reply START to get them again.'
      when 'stop fr' then '%1$s : vous ne recevrez plus de textos de notre part. Répondez START pour en recevoir de nouveau.'
      when 'start en' then '%1$s: you will get our texts again. Reply STOP to get no more.'
      when 'start fr' then '%1$s : vous recevrez de nouveau nos textos. Répondez ARRET pour ne plus en recevoir.'
    end,
    p_business.name,
    coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
  );
$$;
comment on function app.fixed_text(app.businesses, text, text) is
  'The answer to help, stop or start, in the language of the lead or else the shop''s.';

create function app.lift_suppressions(p_business_id uuid, p_phone_hmac bytea, p_reasons text[])
returns void
language sql
set search_path = ''
as $$
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = p_business_id
    and s.sender_phone = n.phone
    and s.phone_hmac = p_phone_hmac
    and s.reason = any (p_reasons);
$$;
comment on function app.lift_suppressions(uuid, bytea, text[]) is
  'Lets a shop text a number again, if it was suppressed for one of the reasons.';

-- The lead's last three texts, as far as they are of the last ten minutes and
-- could be parts of one number: they have digits at an edge.
create function app.texts_to_join(p_lead_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('message_id', m.id, 'body', m.body) order by m.id)
  from (
    select *
    from app.messages
    where lead_id = p_lead_id and direction = 'inbound'
    order by id desc
    limit 3
  ) m
  where m.created_at > app.clock() - interval '10 minutes'
    and m.body ~ '^\W*[0-9٠-٩۰-۹０-９]|[0-9٠-٩۰-۹０-９]\W*$';
$$;
comment on function app.texts_to_join(uuid) is
  'The texts a lead sent just before, for lib to see whether a number is split over them; null if there are none.';

-- A text that Twilio still has as it was written, with what we masked.
create function app.owe_redaction(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('redact', p_message_id, app.clock() + app.lease(), 1, 1)
  on conflict (kind, message_id) do nothing
  returning id into v_job_id;
  return app.redact_work(v_job_id);
end;
$$;
comment on function app.owe_redaction(uuid) is
  'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';

create function app.owe_reply(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  if not exists (
    select
    from app.messages m
    join app.businesses b on b.id = m.business_id
    where m.id = p_message_id and b.state = 'active'
  ) then
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('reply', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody.';

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
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
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
comment on function public.receive_sms(jsonb) is
  'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';

drop function app.help_text(app.businesses, text);
drop function app.stop_text(app.businesses, text);
drop function app.start_text(app.businesses, text);
