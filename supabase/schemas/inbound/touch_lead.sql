-- Locks the lead to the end: the gate of any text to it waits, then sees us, and so
-- does another text of the lead's that arrives at the same moment.
create function app.touch_lead(p_business_id uuid, request jsonb)
returns app.leads
language plpgsql
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (
    p_business_id, request ->> 'from', decode(request ->> 'phone_hmac', 'hex'),
    request ->> 'language', app.clock()
  )
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;
  return v_lead;
end;
$$;
comment on function app.touch_lead(uuid, jsonb) is
  'The lead a text is from, made if it is new, and locked.';
