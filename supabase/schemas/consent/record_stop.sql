create function app.record_stop(p_lead app.leads, p_message_id uuid, request jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not app.suppress(p_lead.business_id, p_lead.phone_hmac, 'opted_out') then
    return;
  end if;
  perform app.record_consent(
    p_lead, p_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
  );
  -- Words of their own may be misunderstood: the owner looks.
  if (request ->> 'is_in_words')::boolean then
    perform app.flag_for_owner(p_lead.id, 'opted_out_in_words');
  end if;
end;
$$;
comment on function app.record_stop(app.leads, uuid, jsonb) is
  'Records that a lead is not to be texted any more, once.';
