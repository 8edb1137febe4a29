-- Gives a number that belongs to nobody to a shop that has none.
create function app.assign_number(p_business_id uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_phone text;
begin
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id = p_business_id
  order by n.created_at, n.phone
  limit 1;
  if found then
    return v_phone;
  end if;
  -- Two shops that are opened at once take two.
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id is null
  order by n.created_at, n.phone
  limit 1
  for update skip locked;
  if not found then
    return null;
  end if;
  update app.sender_numbers set business_id = p_business_id where phone = v_phone;
  insert into app.audit_events (business_id, actor, action)
  values (p_business_id, 'system', 'number_assigned');
  return v_phone;
end;
$$;
comment on function app.assign_number(uuid) is
  'A shop''s number: its own, or else one that belonged to nobody; null if none is free.';
