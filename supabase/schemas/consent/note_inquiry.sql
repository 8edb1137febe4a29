-- An inquiry implies consent for half a year. One that comes within a month of the
-- last that was recorded, or on top of express consent, adds nothing that is worth
-- a row.
create function app.note_inquiry(p_lead app.leads, p_message_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_ledger app.consent_ledgers;
begin
  select * into v_ledger
  from app.consent_ledgers
  where business_id = p_lead.business_id and phone_hmac = p_lead.phone_hmac;
  if v_ledger.express_since is null
    and coalesce(v_ledger.inquiry_until < app.clock() + interval '5 months', true)
  then
    perform app.record_consent(
      p_lead, p_message_id, 'granted', 'implied_inquiry', 'text', null, null,
      app.clock() + interval '6 months'
    );
  end if;
end;
$$;
comment on function app.note_inquiry(app.leads, uuid) is
  'Records what a lead''s text implies for consent, where that adds something.';
