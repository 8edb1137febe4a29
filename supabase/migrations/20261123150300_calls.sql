-- The calls the functions make: one jsonb in, one jsonb out, one transaction
-- each. Security definer, so that service_role needs no right on any table.

-- A text from a lead. Everything it changes commits together or not at all:
-- the proof that it was handled, the text, the consent it gives or takes, and
-- the answer it is owed, already claimed for the caller.
create function public.receive_sms(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sid text := request ->> 'message_sid';
  v_meaning text := request ->> 'meaning';
  v_hmac bytea := pg_catalog.decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_lead app.leads;
  v_is_new_lead boolean;
  v_message_id uuid;
  v_job_id uuid;
  v_work jsonb := '[]';
  v_queued jsonb;
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
  end if;

  -- A delivery in flight at the same time is waited for by the primary key.
  insert into app.webhook_events (provider, event_id, type)
  values ('twilio', v_sid, 'message')
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  -- Locks the lead to the end: the gate of any text to it waits, then sees us.
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (v_business.id, request ->> 'from', v_hmac, request ->> 'language', app.clock())
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;
  v_is_new_lead := not exists (select from app.messages where lead_id = v_lead.id);

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    v_business.id, v_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint, v_sid, 'received'
  )
  returning id into v_message_id;

  -- Twilio still has the text as it was written.
  if (request ->> 'masked_count')::integer > 0 then
    insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
    values ('redact', v_message_id, app.clock() + app.lease(), 1, 1)
    returning id into v_job_id;
    v_work := v_work || app.redact_work(v_job_id);
  end if;

  -- Who texts us can be reached.
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = v_business.id
    and s.sender_phone = n.phone
    and s.phone_hmac = v_hmac
    and s.reason = 'unreachable';

  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(v_business.id, v_hmac) then 'start' else 'text'
    end;
  end if;

  if v_meaning = 'stop' then
    -- One confirmation, where Twilio has given none. It is queued while it still
    -- may be, and claimed at once: any later claim meets the suppression.
    if not (request ->> 'is_answered_by_twilio')::boolean then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.stop_text(v_business, request ->> 'language'), v_message_id
      );
    end if;
    if app.suppress(v_business.id, v_hmac, 'opted_out') then
      perform app.record_consent(
        v_lead, v_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
      );
      -- Words of their own may be misunderstood: the owner looks.
      if (request ->> 'is_in_words')::boolean then
        perform app.flag_for_owner(v_lead.id, 'opted_out_in_words');
      end if;
    end if;
  elsif v_meaning = 'start' then
    delete from app.suppressions s
    using app.sender_numbers n
    where n.business_id = v_business.id and s.sender_phone = n.phone and s.phone_hmac = v_hmac;
    perform app.record_consent(
      v_lead, v_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
    if not (request ->> 'is_answered_by_twilio')::boolean then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.start_text(v_business, request ->> 'language'), v_message_id
      );
    end if;
  else
    if v_is_new_lead then
      perform app.record_consent(
        v_lead, v_message_id, 'granted', 'implied_inquiry', 'text', null, null,
        app.clock() + interval '6 months'
      );
    end if;
    if v_meaning = 'help' and (request ->> 'is_answered_by_twilio')::boolean then
      null;
    elsif v_meaning = 'help' then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.help_text(v_business, request ->> 'language'), v_message_id
      );
    elsif v_business.state = 'active' and not app.is_suppressed(v_business.id, v_hmac) then
      insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
      values ('reply', v_message_id, app.clock() + app.lease(), 1, 1)
      returning id into v_job_id;
      v_work := v_work || app.reply_work(v_job_id);
    end if;
  end if;
  if v_queued ->> 'outcome' = 'queued' then
    v_work := v_work || (v_queued -> 'send');
  end if;

  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$$;
comment on function public.receive_sms(jsonb) is
  'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';

create function app.record_consent(
  p_lead app.leads,
  p_message_id uuid,
  p_change text,
  p_basis text,
  p_source text,
  p_rule text,
  p_wording text,
  p_expires_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into app.consent_events (
    business_id, lead_id, message_id, change, basis, source, rule, wording, expires_at
  )
  values (
    p_lead.business_id, p_lead.id, p_message_id, p_change, p_basis, p_source, p_rule, p_wording,
    p_expires_at
  );
  -- An inquiry is in the messages already; what changes rights is audited.
  if p_change = 'withdrawn' or p_basis = 'express' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (
      p_lead.business_id,
      case p_source when 'text' then 'lead' else 'provider' end,
      'consent_' || p_change,
      p_lead.id
    );
  end if;
end;
$$;
comment on function app.record_consent(app.leads, uuid, text, text, text, text, text, timestamptz) is
  'Adds to the evidence of consent.';

-- What the Canadian short-code rules want in an answer to HELP or AIDE: who
-- texts, how to reach them, how to stop.
create function app.help_text(p_business app.businesses, p_language text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case coalesce(p_language, p_business.language)
    when 'fr' then format(
      '%s : ce numéro répond aux clients par texto. Contact : %s. Répondez ARRET pour ne plus recevoir de textos.',
      p_business.name, coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
    )
    else format(
      '%s: this number answers customers by text. Contact: %s. Reply STOP to receive no more texts.',
      p_business.name, coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
    )
  end;
$$;
comment on function app.help_text(app.businesses, text) is 'The answer to HELP and AIDE.';

-- The one confirmation 47 CFR 64.1200(a)(12) allows, within five minutes and
-- without marketing.
create function app.stop_text(p_business app.businesses, p_language text)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    case coalesce(p_language, p_business.language)
      when 'fr' then '%s : vous ne recevrez plus de textos de notre part. Répondez START pour en recevoir de nouveau.'
      else '%s: you will get no more texts from us. Reply START to get them again.'
    end,
    p_business.name
  );
$$;
comment on function app.stop_text(app.businesses, text) is 'The confirmation that somebody opted out.';

create function app.start_text(p_business app.businesses, p_language text)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    case coalesce(p_language, p_business.language)
      when 'fr' then '%s : vous recevrez de nouveau nos textos. Répondez ARRET pour ne plus en recevoir.'
      else '%s: you will get our texts again. Reply STOP to get no more.'
    end,
    p_business.name
  );
$$;
comment on function app.start_text(app.businesses, text) is 'The confirmation that somebody opted in again.';

-- Jobs nobody holds and that are due, claimed for the caller. Skips what
-- another caller is claiming at this moment, so schedulers never wait for each
-- other; oldest first, so nothing starves.
create function public.claim_jobs(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_claimed uuid[];
  v_job record;
  v_answer app.gate_answer;
  v_work jsonb := '[]';
begin
  with due as (
    select id
    from app.jobs
    where state = 'open' and run_at <= app.clock()
    order by run_at
    limit (request ->> 'limit')::integer
    for update skip locked
  ), claimed as (
    update app.jobs j
    set run_at = app.clock() + app.lease(),
        attempts = attempts + 1,
        fencing_token = fencing_token + 1
    from due
    where j.id = due.id
    returning j.id
  )
  select array_agg(id) into v_claimed from claimed;

  for v_job in
    select j.id, j.kind, j.attempts, m.id as message_id, m.lead_id, m.author, m.in_reply_to,
      m.attempted_at, m.business_id
    from app.jobs j
    join app.messages m on m.id = j.message_id
    where j.id = any (v_claimed)
    order by m.lead_id, j.id
  loop
    if v_job.attempts > 12 then
      perform app.finish_job(v_job.id, 'dead', 'too_many_attempts');
      perform app.flag_for_owner(v_job.lead_id, 'send_failed');
      insert into app.audit_events (business_id, actor, action, subject_id)
      values (v_job.business_id, 'system', 'job_dead', v_job.id);
    elsif v_job.kind = 'reply' then
      v_work := v_work || app.reply_work(v_job.id);
    elsif v_job.kind = 'redact' then
      v_work := v_work || app.redact_work(v_job.id);
    elsif v_job.attempted_at is not null then
      -- Twilio may have it: to be looked up, not sent. The gate comes after.
      v_work := v_work || (app.send_work(v_job.id) || '{"kind": "settle"}');
    else
      v_answer := app.gate(v_job.lead_id, v_job.author, v_job.in_reply_to);
      if v_answer.refusal is null then
        update app.messages
        set attempted_at = app.clock(), legal_basis = v_answer.legal_basis
        where id = v_job.message_id;
        v_work := v_work || app.send_work(v_job.id);
      else
        update app.messages set status = 'withheld'
        where id = v_job.message_id and status = 'pending';
        perform app.finish_job(v_job.id, 'done', 'refused_' || v_answer.refusal);
      end if;
    end if;
  end loop;

  return jsonb_build_object('work', v_work);
end;
$$;
comment on function public.claim_jobs(jsonb) is
  'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns their work.';

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
    if v_queued ->> 'reason' = 'cap' then
      perform app.flag_for_owner(v_message.lead_id, 'cap');
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
    raise sqlstate 'PT400' using message = 'unknown result';
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_send(jsonb) is
  'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';

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
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
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

  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;
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
  'Applies a status callback once. Outcome: applied, duplicate, conflict, or unknown_message.';

grant usage on schema public to service_role;
grant execute on function public.receive_sms(jsonb) to service_role;
grant execute on function public.claim_jobs(jsonb) to service_role;
grant execute on function public.queue_outbound(jsonb) to service_role;
grant execute on function public.settle_send(jsonb) to service_role;
grant execute on function public.settle_redaction(jsonb) to service_role;
grant execute on function public.apply_status(jsonb) to service_role;
