-- The shop of the session's owner; no_shop if there is none.
create function app.shop_of_owner(request jsonb)
returns app.businesses
language plpgsql
stable
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_business app.businesses;
begin
  select b.* into v_business
  from app.businesses b
  where b.owner_id = v_owner_id
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    perform app.refuse('no_shop', 'the owner has no shop');
  end if;
  return v_business;
end;
$$;
comment on function app.shop_of_owner(jsonb) is
  'The shop of the session''s owner, the first that lives; refuses the call if there is none.';
