-- The baseline: texts on their way to leads.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

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

-- Acts on what an error code means for the number, as lib's table has it.
create function app.apply_error_policy(p_lead_id uuid, p_message_id uuid, p_policy text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  if p_policy is null then
    return;
  end if;
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  if app.suppress(v_lead.business_id, v_lead.phone_hmac, p_policy) and p_policy = 'opted_out' then
    perform app.record_consent(
      v_lead, p_message_id, 'withdrawn', null, 'provider', null, null, null
    );
  end if;
end;
$$;
comment on function app.apply_error_policy(uuid, uuid, text) is
  'Suppresses a number that Twilio says is opted out or unreachable.';

-- A status callback. The text is known by our own id, which Twilio's signature
-- covers, so the callback may come before the answer to our request.
create function public.apply_status(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_message app.messages;
  v_holder app.messages;
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
  end if;

  -- First of all: a row that refers to the text holds it, and whoever gives the
  -- text its SID waits for that. Callbacks that come at once would wait crosswise.
  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;

  insert into app.status_events (message_id, twilio_sid, status, error_code, fields)
  values (
    v_message.id, request ->> 'twilio_sid', request ->> 'status',
    (request ->> 'error_code')::integer, coalesce(request -> 'fields', '{}')
  );
  -- A state that texts of ours do not have, or that Twilio came up with since.
  if app.status_rank(request ->> 'status') is null then
    return jsonb_build_object('outcome', 'ignored');
  end if;
  insert into app.webhook_events (provider, event_id, type)
  values (
    'twilio',
    concat_ws(':', request ->> 'twilio_sid', request ->> 'status', request ->> 'error_code'),
    'status'
  )
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate');
  end if;

  -- A look-up may have taken this text for another to the lead that reads the
  -- same. Then that one has its status, and this one is looked up in its turn.
  select * into v_holder from app.messages where twilio_sid = request ->> 'twilio_sid';
  if v_holder.lead_id = v_message.lead_id and v_holder.id <> v_message.id then
    v_message := v_holder;
    select id into v_job_id
    from app.jobs
    where kind = 'send' and message_id = v_message.id
    for no key update;
  end if;
  perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
  if not app.advance_message(
    v_message.id, request ->> 'twilio_sid', request ->> 'status', (request ->> 'error_code')::integer
  ) then
    return jsonb_build_object('outcome', 'conflict');
  end if;
  perform app.finish_job(v_job_id, 'done', 'accepted');
  return jsonb_build_object('outcome', 'applied');
end;
$$;
comment on function public.apply_status(jsonb) is
  'Keeps a status callback, and applies it once. Outcome: applied, duplicate, ignored, conflict, or unknown_message.';
grant execute on function public.apply_status(jsonb) to service_role;

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

-- Invariant: A text is lawful for a reason that is written down. The gate returns the
-- basis or the refusal, and it stands in the text's row. Consent is what
-- app.consent_ledgers says, one row per shop and phone number, written only by
-- app.append_consent together with the evidence. What does not answer a text of the last
-- 24 hours waits out the quiet hours of the recipient's area code.
--
-- Every text passes here, when it is queued and again when it is claimed. Locks the lead's
-- row, as recording a STOP does, so that one of the two sees the other.
create function app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
returns app.gate_answer
language plpgsql
set search_path = ''
as $$
declare
  v_lead app.leads;
  v_business app.businesses;
  v_ledger app.consent_ledgers;
  v_answer app.gate_answer;
  v_is_in_conversation boolean;
begin
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  select * into strict v_business from app.businesses where id = v_lead.business_id;

  v_answer.refusal := case
    when v_business.state <> 'active' then 'business_not_active'
    when app.is_suppressed(v_lead.business_id, v_lead.phone_hmac) then 'opted_out'
    -- Help and the confirmations of STOP and START are owed to the lead, whoever pays.
    when p_author <> 'system' and not app.billing_allows(v_lead.business_id) then 'billing'
    when p_author = 'assistant' and v_lead.taken_over_at is not null then 'taken_over'
    -- Two machines that answer each other would never stop.
    when p_author = 'assistant' and app.is_at_cap(p_lead_id) then 'cap'
  end;
  if v_answer.refusal is not null then
    return v_answer;
  end if;

  -- A text that answers the lead's own is outside the consent rules
  -- (SOR/2013-221, s. 3(b)), and so is what the owner writes while the
  -- conversation is a day old at most. Anything else needs consent.
  v_is_in_conversation := coalesce(v_lead.last_inbound_at > app.clock() - interval '24 hours', false);
  if p_in_reply_to is not null or v_is_in_conversation then
    v_answer.legal_basis := 'response';
  else
    select * into v_ledger
    from app.consent_ledgers
    where business_id = v_lead.business_id and phone_hmac = v_lead.phone_hmac;
    v_answer.legal_basis := case
      when v_ledger.express_since is not null then 'express'
      when v_ledger.purchase_until > app.clock() then 'implied_purchase'
      when v_ledger.inquiry_until > app.clock() then 'implied_inquiry'
    end;
  end if;
  if v_answer.legal_basis is null then
    v_answer.refusal := case
      when num_nonnulls(v_ledger.purchase_until, v_ledger.inquiry_until) > 0 then 'basis_expired'
      else 'no_basis'
    end;
    return v_answer;
  end if;

  -- Who has just written is awake. What comes late, even an answer, waits.
  if not v_is_in_conversation then
    v_answer.retry_at := app.quiet_until(v_lead.phone, v_business.time_zone);
    if v_answer.retry_at is not null then
      v_answer.legal_basis := null;
      v_answer.refusal := 'quiet_hours';
    end if;
  end if;
  return v_answer;
end;
$$;
comment on function app.gate(uuid, text, uuid) is
  'Whether a lead may be texted now: the legal basis, or the refusal and from when another try makes sense. Holds the lead''s lock to the end of the transaction.';

create function app.is_at_cap(p_lead_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select count(*) >= 10
  from app.messages
  where lead_id = p_lead_id
    and (lead_id, id) >= (p_lead_id, app.first_id_at(app.clock() - interval '1 hour'))
    and author = 'assistant'
    and status <> 'withheld'
    and created_at > app.clock() - interval '1 hour';
$$;
comment on function app.is_at_cap(uuid) is
  'Whether the assistant has answered a lead as often as it may within an hour.';

-- Invariant: A number keeps its pace. app.paced_until counts what left in the last
-- minute and what waits, without a lock; whoever comes while others wait, waits. A job
-- that is put off for the hour or the pace has not been attempted.
--
-- Counts what left and what waits, without a lock: two that count at the same
-- moment may both go, which Twilio's own queue bears. Who comes while others
-- wait waits too, so nobody is overtaken.
create function app.paced_until(p_sender_phone text, p_is_waiting boolean)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_limit integer;
  v_sent integer;
  v_waiting integer := 0;
begin
  select texts_per_minute into v_limit from app.sender_numbers where phone = p_sender_phone;
  -- A number the shop has given up sends at the pace of any other.
  v_limit := coalesce(v_limit, 30);
  select count(*) into v_sent
  from app.messages
  where sender_phone = p_sender_phone
    and attempted_at > app.clock() - interval '1 minute';
  if p_is_waiting and v_sent < v_limit then
    return null;
  end if;

  -- Twenty minutes' worth is as far as anybody is put off at once.
  select count(*) into v_waiting
  from (
    select
    from app.messages
    where direction = 'outbound'
      and sender_phone = p_sender_phone
      and attempted_at is null
      and status = 'pending'
    limit v_limit * 20
  ) waiting;
  if v_sent + v_waiting < v_limit then
    return null;
  end if;
  return app.clock() + interval '1 minute' * (1 + v_waiting / v_limit);
end;
$$;
comment on function app.paced_until(text, boolean) is
  'When a number may send its next text: null if now. A text that is waiting already does not wait for itself.';

-- The assistant's answer. Ends the reply job and, if the gate lets it through,
-- leaves a text that the caller may send at once.
create function public.queue_outbound(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs;
  v_message app.messages;
  v_queued jsonb;
begin
  select * into v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if not found or v_job.state <> 'open'
    or v_job.fencing_token <> (request ->> 'fencing_token')::bigint
  then
    return jsonb_build_object('outcome', 'stale');
  end if;

  select * into strict v_message from app.messages where id = v_job.message_id;
  v_queued := app.queue_text(
    v_message.lead_id, v_message.sender_phone, 'assistant', request ->> 'body', v_message.id
  );

  if v_queued ->> 'outcome' = 'queued' then
    perform app.finish_job(v_job.id, 'done', 'queued');
  else
    perform app.finish_job(v_job.id, 'done', 'refused_' || (v_queued ->> 'reason'));
    if v_queued ->> 'reason' in ('cap', 'billing') then
      perform app.flag_for_owner(v_message.lead_id, v_queued ->> 'reason');
    end if;
  end if;
  if request ->> 'needs_owner_reason' is not null then
    perform app.flag_for_owner(v_message.lead_id, request ->> 'needs_owner_reason');
  end if;
  return v_queued;
end;
$$;
comment on function public.queue_outbound(jsonb) is
  'Ends a reply job with the assistant''s answer. Outcome: queued (with the text to send), refused (why), or stale (another holds the job).';
grant execute on function public.queue_outbound(jsonb) to service_role;

-- As before, and says which text it wrote.
create function app.queue_text(
  p_lead_id uuid, p_sender_phone app.e164, p_author text, p_body text, p_in_reply_to uuid
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_turn timestamptz;
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;
  -- A confirmation comes at once or, after a STOP, never.
  if p_author <> 'system' then
    v_turn := app.paced_until(p_sender_phone, false);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', case when v_turn is null then app.clock() end
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  if v_turn is not null then
    insert into app.jobs (kind, message_id, run_at) values ('send', v_message_id, v_turn);
    return jsonb_build_object('outcome', 'queued', 'message_id', v_message_id);
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('send', v_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return jsonb_build_object(
    'outcome', 'queued', 'message_id', v_message_id, 'send', app.send_work(v_job_id)
  );
end;
$$;
comment on function app.queue_text(uuid, app.e164, text, text, uuid) is
  'Writes an outbound text and, unless its number must pause, claims it for sending, if the gate lets it through.';

-- In the middle of the night in one of the zones is too late in all of them. A
-- number whose home is unknown is taken to be where the shop is.
create function app.quiet_until(p_phone text, p_shop_time_zone text)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  with places as (
    select time_zone
    from unnest(
      coalesce(
        (
          select a.time_zones
          from app.area_codes a
          where p_phone like '+1%' and a.area_code = substr(p_phone, 3, 3)
        ),
        array[p_shop_time_zone]
      )
    ) time_zone
  )
  select max(
    case
      when local.hour < 9 then (local.day + time '09:00') at time zone p.time_zone
      else (local.day + 1 + time '09:00') at time zone p.time_zone
    end
  )
  from places p
  cross join lateral (
    select extract(hour from app.clock() at time zone p.time_zone) as hour,
      (app.clock() at time zone p.time_zone)::date as day
  ) local
  where local.hour not between 9 and 19;
$$;
comment on function app.quiet_until(text, text) is
  'From when it makes sense to ask again whether a text that answers nothing may arrive at a number; null if it may now.';

-- What the assistant needs to answer. History is bounded, so the work does not
-- grow with the conversation: its newest texts are read from the end of the
-- index. Postgres would rather collect all texts of a lead and sort them, as most
-- leads have few; without bitmaps it does not.
create function app.reply_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
  select jsonb_build_object(
    'kind', 'reply',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'has_masked_numbers', m.masked_count > 0,
    'business', jsonb_build_object(
      'name', b.name,
      'about', b.about,
      'instructions', b.instructions,
      'website', b.website,
      'language', b.language,
      'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI')
    ),
    'lead', jsonb_build_object('name', l.name, 'language', l.language),
    -- A conversation ends after 30 quiet days; the next one is introduced anew.
    'is_first_answer', not exists (
      select
      from app.messages o
      where o.lead_id = l.id
        and (o.lead_id, o.id) >= (l.id, app.first_id_at(app.clock() - interval '30 days'))
        and o.author = 'assistant'
        and o.status <> 'withheld'
        and o.created_at > app.clock() - interval '30 days'
    ),
    'history', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('author', h.author, 'body', h.body, 'media_count', h.media_count)
          order by h.id
        ),
        '[]'
      )
      from (
        select o.id, o.author, o.body, o.media_count
        from app.messages o
        where o.lead_id = l.id and o.status <> 'withheld'
        order by o.id desc
        limit 12
      ) h
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  join app.businesses b on b.id = m.business_id
  where j.id = p_job_id;
$$;
comment on function app.reply_work(uuid) is 'A claimed reply job, as the assistant gets it.';

-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
-- They are more than a look-up lists (100, see lib's twilio::client), as Twilio
-- may have got the texts in another order than we made them.
-- The newest texts are read from the end of the index.
create function app.send_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
  select jsonb_build_object(
    'kind', 'send',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'from', m.sender_phone,
    'to', l.phone,
    'body', m.body,
    'known_sids', (
      select coalesce(jsonb_agg(k.twilio_sid), '[]')
      from (
        select o.twilio_sid
        from app.messages o
        where o.lead_id = m.lead_id and o.direction = 'outbound' and o.twilio_sid is not null
        order by o.id desc
        limit 150
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$$;
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';

-- What became of an attempt to send. An accepted text is recorded even when the
-- lease was lost meanwhile: that Twilio has it is a fact, not a claim.
create function public.settle_send(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_result text := request ->> 'result';
  v_job app.jobs;
  v_message app.messages;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  select * into strict v_message from app.messages where id = v_job.message_id;

  -- Another text has just been taken for this one, or this for it. Twilio may
  -- have a second one: only a look-up that passes over the first can tell.
  if v_result = 'accepted' and exists (
    select from app.messages where twilio_sid = request ->> 'twilio_sid' and id <> v_message.id
  ) then
    v_result := 'unknown';
  end if;

  if v_result = 'accepted' then
    if not app.advance_message(v_message.id, request ->> 'twilio_sid', request ->> 'status', null) then
      return jsonb_build_object('outcome', 'conflict');
    end if;
    perform app.finish_job(v_job.id, 'done', 'accepted');
    return jsonb_build_object('outcome', 'settled');
  end if;

  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;

  if v_result = 'rejected' then
    perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
    if request ->> 'policy' is null then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    update app.messages
    set status = 'failed', error_code = (request ->> 'error_code')::integer, attempted_at = null
    where id = v_message.id and status = 'pending';
    perform app.finish_job(v_job.id, 'done', 'rejected');
  elsif v_result = 'not_sent' then
    update app.messages set attempted_at = null where id = v_message.id;
    perform app.postpone_job(
      v_job.id, make_interval(secs => coalesce((request ->> 'retry_after_seconds')::integer, 0))
    );
  elsif v_result = 'unknown' then
    update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
  elsif v_result = 'not_found' then
    -- A request on its way may still arrive; after a lease it no longer can.
    if v_message.attempted_at + app.lease() <= app.clock() then
      update app.messages set attempted_at = null where id = v_message.id;
      update app.jobs set run_at = app.clock() where id = v_job.id;
    else
      update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
    end if;
  else
    perform app.refuse('malformed', 'unknown result');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_send(jsonb) is
  'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';
grant execute on function public.settle_send(jsonb) to service_role;

-- Invariant: Statuses only rise. app.status_rank is total; of two reports with one
-- status the higher error code stays. Any order and number of callbacks ends in one
-- state.
--
-- Ties cannot be: two statuses of one rank never both come from Twilio.
create function app.status_rank(p_status text)
returns integer
language sql
immutable
set search_path = ''
as $$
  select case p_status
    when 'withheld' then 0
    when 'pending' then 0
    when 'accepted' then 1
    when 'scheduled' then 2
    when 'queued' then 3
    when 'sending' then 4
    when 'sent' then 5
    when 'canceled' then 6
    when 'failed' then 7
    when 'undelivered' then 8
    when 'delivered' then 9
    when 'read' then 10
  end;
$$;
comment on function app.status_rank(text) is
  'A message only ever moves to a status of a higher rank, so callbacks may come in any order.';

reset check_function_bodies;
