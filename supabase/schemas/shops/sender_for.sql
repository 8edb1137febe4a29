-- The number the lead knows, if it is still the shop's; else the shop's first.
create function app.sender_for(p_lead app.leads)
returns app.e164
language sql
stable
set search_path = ''
set enable_bitmapscan = 'off'
as $$
  select n.phone
  from app.sender_numbers n
  left join (
    select m.sender_phone
    from app.messages m
    where m.lead_id = p_lead.id
    order by m.id desc
    limit 1
  ) last on last.sender_phone = n.phone
  where n.business_id = p_lead.business_id
  order by last.sender_phone is null, n.created_at, n.phone
  limit 1;
$$;
comment on function app.sender_for(app.leads) is
  'The number a lead is texted from; null if the shop has none.';
