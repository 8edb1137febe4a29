-- What heads every page. no_shop: the owner has no shop yet.
create function app.shop_header(p_business_id uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_own uuid[] := app.own_business_ids();
  v_shop jsonb;
begin
  select jsonb_build_object(
    'id', b.id,
    'name', b.name,
    'state', b.state,
    'language', b.language,
    'time_zone', b.time_zone,
    'role', 'owner',
    'billing', s.standing,
    'served_until', (
      select app.moment(max(p.unpaid_since) + app.payment_grace(), b.time_zone)
      from app.subscriptions p
      where s.standing = 'past_due' and p.business_id = b.id and p.status = 'past_due'
    ),
    'numbers', (
      select coalesce(jsonb_agg(n.phone order by n.created_at, n.phone), '[]')
      from app.sender_numbers n
      where n.business_id = b.id
    ),
    'flagged', (
      select count(*)
      from (
        select
        from app.leads l
        where l.business_id = b.id and l.needs_owner_since is not null
        limit 100
      ) f
    )
  ) into v_shop
  from app.businesses b
  cross join lateral (select app.billing_standing(b.id) as standing) s
  where b.id = any (v_own) and b.id = coalesce(p_business_id, b.id)
  -- Who has several sees the oldest that lives.
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    perform app.refuse('no_shop', 'the owner has no shop');
  end if;
  return v_shop;
end;
$$;
comment on function app.shop_header(uuid) is
  'What every page says of a shop of the owner''s: the one named, or the first.';
grant execute on function app.shop_header(uuid) to authenticated;
