create function app.suppressed_at(p_business_id uuid, p_phone_hmac bytea)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.since)
  from app.sender_numbers n
  join app.suppressions s on s.sender_phone = n.phone
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$$;
comment on function app.suppressed_at(uuid, bytea) is
  'Since when a shop must not text a number; null if it may.';
