create function app.delete_chain()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  delete from app.consent_events e
  using gone g
  where e.business_id = g.business_id and e.phone_hmac = g.phone_hmac;
  return null;
end;
$$;
comment on function app.delete_chain() is
  'Trigger of app.consent_ledgers: with the end of a chain go its rows.';
