-- As before, and takes the lead off the list. Of most who text, nothing is lifted.
create function app.lift_suppressions(
  p_business_id uuid, p_phone_hmac bytea, p_reasons text[]
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = p_business_id
    and s.sender_phone = n.phone
    and s.phone_hmac = p_phone_hmac
    and s.reason = any (p_reasons);
  if found then
    update app.conversations c
    set suppressed_at = app.suppressed_at(p_business_id, p_phone_hmac)
    from app.leads l
    where l.business_id = p_business_id and l.phone_hmac = p_phone_hmac and c.lead_id = l.id;
  end if;
end;
$$;
comment on function app.lift_suppressions(uuid, bytea, text[]) is
  'Lets a shop text a number again, if it was suppressed for one of the reasons.';
