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
