-- For the regulator, or for the person: all the evidence about one phone number
-- at one shop, and the texts it was for. Texts come in pages; everything else is
-- as long as what a person did.
create function public.export_consent(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_hmac bytea := decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_ledger app.consent_ledgers;
  v_lead_id uuid;
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'shop';
  if not found then
    perform app.refuse('not_found', 'no shop has this number');
  end if;
  select * into v_ledger
  from app.consent_ledgers
  where business_id = v_business.id and phone_hmac = v_hmac;
  select id into v_lead_id
  from app.leads
  where business_id = v_business.id and phone_hmac = v_hmac;

  return jsonb_build_object(
    'format', 'leadslock consent export 1',
    'made_at', app.ledger_time(app.clock()),
    'business', jsonb_build_object(
      'id', v_business.id,
      'name', v_business.name,
      'mailing_address', v_business.mailing_address,
      'contact_email', v_business.contact_email,
      'contact_phone', v_business.contact_phone,
      'website', v_business.website
    ),
    'phone_hmac', request ->> 'phone_hmac',
    'standing', jsonb_build_object(
      'express_since', app.ledger_time(v_ledger.express_since),
      'inquiry_until', app.ledger_time(v_ledger.inquiry_until),
      'purchase_until', app.ledger_time(v_ledger.purchase_until),
      'suppressed', app.suppressions_told(v_business.id, v_hmac)
    ),
    'chain', jsonb_build_object(
      'length', coalesce(v_ledger.length, 0),
      'head', encode(v_ledger.head, 'hex'),
      'first_break', app.first_break_of_consent(v_business.id, v_hmac)
    ),
    'events', app.consent_events_told(v_business.id, v_hmac),
    'texts', app.texts_of_consent(v_lead_id, request ->> 'texts_after')
  );
end;
$$;
comment on function public.export_consent(jsonb) is
  'The evidence of consent of one phone number (phone_hmac) at the shop that has the number shop, and 200 texts after texts_after.';
grant execute on function public.export_consent(jsonb) to service_role;
