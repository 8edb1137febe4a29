create function app.refuse_gap_in_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select
    from app.consent_ledgers
    where business_id = old.business_id and phone_hmac = old.phone_hmac
  ) then
    raise exception 'rows of %.% go with their chain only', tg_table_schema, tg_table_name;
  end if;
  return old;
end;
$$;
comment on function app.refuse_gap_in_evidence() is
  'Trigger of app.consent_events: a row goes only when the end of its chain is gone.';
