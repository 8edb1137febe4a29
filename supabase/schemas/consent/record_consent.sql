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
declare
  v_event app.consent_events;
begin
  v_event.id := app.uuid_v7();
  v_event.business_id := p_lead.business_id;
  v_event.lead_id := p_lead.id;
  v_event.phone_hmac := p_lead.phone_hmac;
  v_event.message_id := p_message_id;
  v_event.change := p_change;
  v_event.basis := p_basis;
  v_event.source := p_source;
  v_event.rule := p_rule;
  v_event.wording := p_wording;
  v_event.at := app.clock();
  v_event.expires_at := p_expires_at;
  perform app.append_consent(v_event);

  -- An inquiry is in the messages already; what changes rights is audited.
  if p_change = 'withdrawn' or p_basis <> 'implied_inquiry' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (
      p_lead.business_id,
      case p_source when 'text' then 'lead' else p_source end,
      'consent_' || p_change,
      p_lead.id
    );
  end if;
end;
$$;
comment on function app.record_consent(app.leads, uuid, text, text, text, text, text, timestamptz) is
  'Adds to the evidence of consent. The caller holds the lead''s lock.';
