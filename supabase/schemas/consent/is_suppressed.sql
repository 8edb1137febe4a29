-- Any of the shop's numbers counts: a lead who stopped one has stopped the shop.
create function app.is_suppressed(p_business_id uuid, p_phone_hmac bytea)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone
    where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac
  );
$$;
comment on function app.is_suppressed(uuid, bytea) is 'Whether a shop must not text a number.';
