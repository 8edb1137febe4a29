-- Adds a row to the end of its chain and to what the chain amounts to. The
-- caller holds the lead's lock, so the chain has one writer.
create function app.append_consent(p_event app.consent_events)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_event app.consent_events := p_event;
  v_ledger app.consent_ledgers;
begin
  insert into app.consent_ledgers as l (business_id, phone_hmac, length, head)
  values (v_event.business_id, v_event.phone_hmac, 1, decode(repeat('00', 32), 'hex'))
  on conflict (business_id, phone_hmac) do update set length = l.length + 1
  returning * into v_ledger;

  v_event.sequence := v_ledger.length;
  v_event.previous_hash := v_ledger.head;
  if v_event.wording is not null then
    v_event.wording_salt := uuid_send(gen_random_uuid());
    v_event.wording_digest := sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'));
  end if;
  v_event.hash := app.consent_hash(v_event);
  insert into app.consent_events values (v_event.*);

  update app.consent_ledgers
  set head = v_event.hash,
      express_since = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'express' then coalesce(express_since, v_event.at)
        else express_since
      end,
      inquiry_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_inquiry' then greatest(inquiry_until, v_event.expires_at)
        else inquiry_until
      end,
      purchase_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_purchase' then greatest(purchase_until, v_event.expires_at)
        else purchase_until
      end
  where business_id = v_event.business_id and phone_hmac = v_event.phone_hmac;
end;
$$;
comment on function app.append_consent(app.consent_events) is 'The only way a row gets into the consent ledger.';
