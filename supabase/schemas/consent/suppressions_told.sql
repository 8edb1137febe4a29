create function app.suppressions_told(p_business_id uuid, p_phone_hmac bytea)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'sender_phone', s.sender_phone, 'reason', s.reason, 'since', app.ledger_time(s.since)
      )
      order by s.sender_phone
    ),
    '[]'
  )
  from app.sender_numbers n
  join app.suppressions s on s.sender_phone = n.phone
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$$;
comment on function app.suppressions_told(uuid, bytea) is
  'From which of a shop''s numbers a phone number must not be texted, and why.';
