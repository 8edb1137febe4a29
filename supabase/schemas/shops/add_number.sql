-- A number joins those that wait for a shop, and goes at once to the shop that has
-- waited longest, if one does.
create function public.add_number(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business_id uuid;
begin
  insert into app.sender_numbers (phone) values (request ->> 'phone') on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'known');
  end if;
  select b.id into v_business_id
  from app.businesses b
  where b.state = 'active'
    and not exists (select from app.sender_numbers n where n.business_id = b.id)
  order by b.created_at, b.id
  limit 1
  for no key update skip locked;
  if found then
    perform app.assign_number(v_business_id);
  end if;
  return jsonb_build_object(
    'outcome', 'added',
    'business_id', (select n.business_id from app.sender_numbers n where n.phone = request ->> 'phone')
  );
end;
$$;
comment on function public.add_number(jsonb) is
  'Adds a number of ours (phone), for the shop that waits for one or the next that will. Outcome: added (with the shop that has it), or known.';
grant execute on function public.add_number(jsonb) to service_role;
