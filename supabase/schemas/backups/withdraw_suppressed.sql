-- An opt-out that came meanwhile is in app.suppressions, and holds by itself. The
-- ledger is to say the same.
create function app.withdraw_suppressed(p_business_id uuid, p_numbers_lost jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_lead record;
  v_event app.consent_events;
  v_count integer := 0;
begin
  for v_lead in
    select l.id, l.phone_hmac, min(s.since) as since
    from app.leads l
    join app.consent_ledgers c on c.business_id = l.business_id and c.phone_hmac = l.phone_hmac
    join app.suppressions s on s.phone_hmac = l.phone_hmac and s.reason = 'opted_out'
    where l.business_id = p_business_id
      and num_nonnulls(c.express_since, c.inquiry_until, c.purchase_until) > 0
      and (
        s.sender_phone in (select phone from app.sender_numbers where business_id = p_business_id)
        or p_numbers_lost ? s.sender_phone
      )
    group by l.id
    order by l.id
  loop
    perform from app.leads where id = v_lead.id for no key update;
    v_event := null;
    v_event.id := app.uuid_v7();
    v_event.business_id := p_business_id;
    v_event.lead_id := v_lead.id;
    v_event.phone_hmac := v_lead.phone_hmac;
    v_event.change := 'withdrawn';
    v_event.source := 'text';
    v_event.at := v_lead.since;
    perform app.append_consent(v_event);
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (p_business_id, 'lead', 'consent_withdrawn', v_lead.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function app.withdraw_suppressed(uuid, jsonb) is
  'Records in the ledger that people of a restored shop opted out while it was closed. Returns how many.';
