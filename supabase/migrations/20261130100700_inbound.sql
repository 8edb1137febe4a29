-- The baseline: texts from leads.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- What the text changes of consent, and the answer it is owed.
create function app.act_on_meaning(
  p_business app.businesses, p_lead app.leads, p_message_id uuid, request jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_meaning text := request ->> 'meaning';
  v_fixed_text text;
  v_work jsonb := '[]';
begin
  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(p_lead.business_id, p_lead.phone_hmac) then 'start' else 'text'
    end;
  end if;

  if v_meaning = 'start' then
    perform app.lift_suppressions(
      p_lead.business_id, p_lead.phone_hmac, array['opted_out', 'unreachable']
    );
    perform app.record_consent(
      p_lead, p_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
  end if;
  -- A fixed answer is given once, and not where Twilio has given one. That to a
  -- STOP is queued while it still may be, and claimed at once: any later claim
  -- meets the suppression.
  if v_meaning in ('help', 'start', 'stop') and not (request ->> 'is_answered_by_twilio')::boolean then
    v_fixed_text := app.fixed_text(p_business, v_meaning, request ->> 'language');
    v_work := coalesce(
      app.queue_text(p_lead.id, request ->> 'to', 'system', v_fixed_text, p_message_id) -> 'send', '[]'
    );
  end if;
  if v_meaning = 'stop' then
    perform app.record_stop(p_lead, p_message_id, request);
  elsif v_meaning <> 'start' and not app.is_suppressed(p_lead.business_id, p_lead.phone_hmac) then
    perform app.note_inquiry(p_lead, p_message_id);
    if v_meaning = 'text' then
      v_work := v_work || coalesce(app.owe_reply(p_message_id), '[]');
    end if;
  end if;
  return v_work;
end;
$$;
comment on function app.act_on_meaning(app.businesses, app.leads, uuid, jsonb) is
  'Does what a lead''s text means for consent, and returns the work it is owed.';

create function app.mask_joined(p_lead_id uuid, p_joined jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_joined_id uuid;
  v_work jsonb := '[]';
begin
  for v_joined_id in
    update app.messages m
    set body = j.masked_body, masked_count = m.masked_count + 1
    from jsonb_to_recordset(p_joined) j (message_id uuid, masked_body text)
    where m.id = j.message_id and m.lead_id = p_lead_id and m.direction = 'inbound'
    returning m.id
  loop
    v_work := v_work || coalesce(app.owe_redaction(v_joined_id), '[]');
  end loop;
  return v_work;
end;
$$;
comment on function app.mask_joined(uuid, jsonb) is
  'Masks the parts of a number that the text just stored would complete, and returns what is owed for it.';

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

-- As before, and what the owner answers is owed by nobody else. Its callers hold
-- the lead's lock.
create function app.owe_reply(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into strict v_message from app.messages where id = p_message_id;
  if not exists (
    select from app.businesses where id = v_message.business_id and state = 'active'
  ) then
    return null;
  end if;
  if not app.billing_allows(v_message.business_id) then
    perform app.flag_for_owner(v_message.lead_id, 'billing');
    return null;
  end if;
  if exists (
    select from app.leads where id = v_message.lead_id and taken_over_at is not null
  ) then
    perform app.flag_for_owner(v_message.lead_id, 'taken_over');
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('reply', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody, does not pay, or its owner answers.';

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

-- What became of an attempt to empty a text at Twilio.
create function public.settle_redaction(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_redaction(jsonb) is
  'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;

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

-- The lead's last three texts, as far as they are of the last ten minutes and
-- could be parts of one number: they have digits at an edge.
create function app.texts_to_join(p_lead_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
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

-- Locks the lead to the end: the gate of any text to it waits, then sees us, and so
-- does another text of the lead's that arrives at the same moment.
create function app.touch_lead(p_business_id uuid, request jsonb)
returns app.leads
language plpgsql
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (
    p_business_id, request ->> 'from', decode(request ->> 'phone_hmac', 'hex'),
    request ->> 'language', app.clock()
  )
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;
  return v_lead;
end;
$$;
comment on function app.touch_lead(uuid, jsonb) is
  'The lead a text is from, made if it is new, and locked.';

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

reset check_function_bodies;
