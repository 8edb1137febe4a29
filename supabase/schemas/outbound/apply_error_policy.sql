-- Acts on what an error code means for the number, as lib's table has it.
create function app.apply_error_policy(p_lead_id uuid, p_message_id uuid, p_policy text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  if p_policy is null then
    return;
  end if;
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  if app.suppress(v_lead.business_id, v_lead.phone_hmac, p_policy) and p_policy = 'opted_out' then
    perform app.record_consent(
      v_lead, p_message_id, 'withdrawn', null, 'provider', null, null, null
    );
  end if;
end;
$$;
comment on function app.apply_error_policy(uuid, uuid, text) is
  'Suppresses a number that Twilio says is opted out or unreachable.';
