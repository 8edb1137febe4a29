-- As before, and what cannot be answered is not unanswered.
create function app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  update app.conversations c
  set is_unanswered = false, suppressed_at = coalesce(c.suppressed_at, app.clock())
  from app.leads l
  where l.business_id = p_business_id
    and l.phone_hmac = p_phone_hmac
    and c.lead_id = l.id
    and (c.is_unanswered or c.suppressed_at is null);

  insert into app.suppressions (sender_phone, phone_hmac, reason)
  select phone, p_phone_hmac, p_reason from app.sender_numbers where business_id = p_business_id
  -- Who cannot be reached and then opts out has opted out.
  on conflict (sender_phone, phone_hmac) do update
    set reason = 'opted_out', since = excluded.since
    where suppressions.reason <> 'opted_out' and excluded.reason = 'opted_out';
  return found;
end;
$$;
comment on function app.suppress(uuid, bytea, text) is
  'Keeps a shop from texting a number, from all its senders. False if it already was.';
