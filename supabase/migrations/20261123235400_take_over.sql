-- The owner answers: by hand, and instead of the assistant.
--
-- Who answers a lead is the gate's to know, which every text passes twice with
-- the lead locked: so of an answer on its way and the owner who takes over, one
-- sees the other.

-- As before, and for the assistant the owner's having taken over.
create or replace function app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
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
    when p_author = 'assistant' and 10 <= (
      select count(*)
      from app.messages
      where lead_id = p_lead_id
        and (lead_id, id) >= (p_lead_id, app.first_id_at(app.clock() - interval '1 hour'))
        and author = 'assistant'
        and status <> 'withheld'
        and created_at > app.clock() - interval '1 hour'
    ) then 'cap'
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

-- As before, and what the owner answers is owed by nobody else. Its callers hold
-- the lead's lock.
create or replace function app.owe_reply(p_message_id uuid)
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

-- As before, and says which text it wrote.
create or replace function app.queue_text(
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

-- The number the lead knows, if it is still the shop's; else the shop's first.
create function app.sender_for(p_lead app.leads)
returns app.e164
language sql
stable
set search_path = ''
set enable_bitmapscan = 'off'
as $$
  select n.phone
  from app.sender_numbers n
  left join (
    select m.sender_phone
    from app.messages m
    where m.lead_id = p_lead.id
    order by m.id desc
    limit 1
  ) last on last.sender_phone = n.phone
  where n.business_id = p_lead.business_id
  order by last.sender_phone is null, n.created_at, n.phone
  limit 1;
$$;
comment on function app.sender_for(app.leads) is
  'The number a lead is texted from; null if the shop has none.';

-- Sends what the owner wrote, through the gate like any text. A form that is
-- posted again (request_id) is answered as before, and sends nothing.
create function public.send_owner_text(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_request_id uuid := (request ->> 'request_id')::uuid;
  v_time_zone text;
  v_sender app.e164;
  v_message app.messages;
  v_queued jsonb;
begin
  -- Of two posts at once the second waits here, and then finds the first's text.
  -- Whoever has erased the lead meanwhile has left no row.
  perform from app.leads where id = v_lead.id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  select * into v_message
  from app.messages
  where lead_id = v_lead.id and request_id = v_request_id;
  if found then
    return jsonb_build_object(
      'outcome', 'queued', 'message_id', v_message.id, 'legal_basis', v_message.legal_basis,
      'is_repeat', true
    );
  end if;

  v_sender := app.sender_for(v_lead);
  if v_sender is null then
    return jsonb_build_object('outcome', 'refused', 'reason', 'no_number');
  end if;
  v_queued := app.queue_text(v_lead.id, v_sender, 'owner', request ->> 'body', null);
  if v_queued ->> 'outcome' = 'refused' then
    select b.time_zone into v_time_zone from app.businesses b where b.id = v_lead.business_id;
    return v_queued || jsonb_build_object(
      'retry_at', case
        when v_queued ->> 'reason' = 'quiet_hours'
          then app.moment(app.quiet_until(v_lead.phone, v_time_zone), v_time_zone)
      end
    );
  end if;

  update app.messages
  set request_id = v_request_id, masked_count = (request ->> 'masked_count')::smallint
  where id = (v_queued ->> 'message_id')::uuid
  returning * into v_message;
  -- Who answers has looked.
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'owner_texted', v_message.id);
  return v_queued || jsonb_build_object('legal_basis', v_message.legal_basis, 'is_repeat', false);
end;
$$;
comment on function public.send_owner_text(jsonb) is
  'Queues a text of the owner''s (body, masked_count) to a lead (lead_id), once for each request_id. Outcome: queued (with the text to send), or refused (why, and from when another try makes sense).';
grant execute on function public.send_owner_text(jsonb) to service_role;

-- The owner takes over from the assistant (answers: false), or hands back.
--
-- Answers that are owed, or wait for their turn, are withheld. One that Twilio may
-- have is on its way; one that is being made meets the gate. Jobs first, then the
-- lead: only the newest texts' are looked for, the gate has the rest.
create function public.set_assistant(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_answers boolean := (request ->> 'answers')::boolean;
  v_jobs uuid[];
  v_job app.jobs;
  v_withheld integer := 0;
  v_is_waiting boolean;
begin
  if not v_answers then
    select array_agg(o.id) into v_jobs
    from (
      select j.id
      from (
        select m.id
        from app.messages m
        where m.lead_id = v_lead.id
        order by m.id desc
        limit 200
      ) m
      join app.jobs j on j.message_id = m.id
      where j.kind in ('reply', 'send') and j.finished_at is null
    ) o;
    perform from app.jobs j where j.id = any (v_jobs) order by j.id for no key update;
  end if;

  update app.leads
  set taken_over_at = case when not v_answers then coalesce(taken_over_at, app.clock()) end
  where id = v_lead.id
  returning * into v_lead;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;

  for v_job in
    select j.*
    from app.jobs j
    where j.id = any (v_jobs) and j.finished_at is null
    order by j.id
  loop
    if v_job.kind = 'send' then
      update app.messages
      set status = 'withheld'
      where id = v_job.message_id
        and author = 'assistant'
        and status = 'pending'
        and attempted_at is null;
      continue when not found;
    end if;
    perform app.finish_job(v_job.id, 'done', 'refused_taken_over');
    v_withheld := v_withheld + 1;
  end loop;
  -- What was withheld was no answer.
  if v_withheld > 0 then
    update app.conversations
    set is_unanswered = not app.is_suppressed(v_lead.business_id, v_lead.phone_hmac)
    where lead_id = v_lead.id;
  end if;
  select c.is_unanswered into v_is_waiting from app.conversations c where c.lead_id = v_lead.id;
  if not v_answers and v_is_waiting then
    perform app.flag_for_owner(v_lead.id, 'taken_over');
  end if;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    v_lead.business_id, 'owner',
    case when v_answers then 'assistant_resumed' else 'assistant_paused' end, v_lead.id
  );
  return jsonb_build_object('answers', v_answers, 'withheld', v_withheld);
end;
$$;
comment on function public.set_assistant(jsonb) is
  'Says whether the assistant answers a lead (lead_id, answers). Returns how many answers are withheld for it.';
grant execute on function public.set_assistant(jsonb) to service_role;
