-- The gate asks whether the shop pays. Without a subscription that is served,
-- texts are taken in and opt-outs kept as ever, but nobody is answered except by
-- the texts the law wants; the owner sees which leads wait, and why.

alter table app.leads
  drop constraint needs_owner_reason_is_known,
  add constraint needs_owner_reason_is_known check (
    needs_owner_reason in (
      'assistant_unsure', 'assistant_unavailable', 'cap', 'send_failed', 'opted_out_in_words',
      'billing'
    )
  );

-- The gate. It locks the lead before it reads anything, as receive_sms does
-- before it records a STOP: whichever comes first, the other sees its result.
-- It must be a statement of its own in a volatile function, so that what it
-- reads after the lock is newer than the lock.
create or replace function app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
returns app.gate_answer
language plpgsql
volatile
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
comment on function app.gate(uuid, text, uuid) is
  'Whether a lead may be texted now: the legal basis, or the refusal and from when another try makes sense. Holds the lead''s lock to the end of the transaction.';

-- The model is not asked for an answer that may not be sent.
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
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('reply', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody or does not pay.';

-- The assistant's answer. Ends the reply job and, if the gate lets it through,
-- leaves a text that the caller may send at once.
create or replace function public.queue_outbound(request jsonb)
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
