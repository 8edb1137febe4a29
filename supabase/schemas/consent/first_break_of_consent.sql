-- The first place where a chain is not what it was: a row changed, missing or
-- put in; or, one past its end, an end that was cut off. Null if it is whole.
create function app.first_break_of_consent(p_business_id uuid, p_phone_hmac bytea)
returns integer
language plpgsql
stable
set search_path = ''
as $$
declare
  v_event app.consent_events;
  v_ledger app.consent_ledgers;
  v_place integer := 0;
  v_previous bytea := decode(repeat('00', 32), 'hex');
begin
  for v_event in
    select *
    from app.consent_events
    where business_id = p_business_id and phone_hmac = p_phone_hmac
    order by sequence
  loop
    v_place := v_place + 1;
    if v_event.sequence <> v_place
      or v_event.previous_hash <> v_previous
      or v_event.hash <> app.consent_hash(v_event)
      or v_event.wording_digest
        <> sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'))
    then
      return v_place;
    end if;
    v_previous := v_event.hash;
  end loop;

  select * into v_ledger
  from app.consent_ledgers
  where business_id = p_business_id and phone_hmac = p_phone_hmac;
  if coalesce(v_ledger.length, 0) <> v_place or coalesce(v_ledger.head, v_previous) <> v_previous then
    return v_place + 1;
  end if;
  return null;
end;
$$;
comment on function app.first_break_of_consent(uuid, bytea) is
  'Where a chain of evidence was tampered with, or null.';
