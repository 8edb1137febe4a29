create function app.note_orphaned_consent()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update app.consent_ledgers c
  set orphaned_at = app.clock()
  from erased e
  where c.business_id = e.business_id and c.phone_hmac = e.phone_hmac;
  return null;
end;
$$;
comment on function app.note_orphaned_consent() is
  'Trigger of app.leads: the time of a chain runs from when its lead was erased.';
