create function app.billing_standing(p_business_id uuid)
returns text
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (
      select a.standing
      from (
        select app.subscription_standing(s) as standing, s.created_at, s.id
        from app.subscriptions s
        where s.business_id = p_business_id
      ) a
      order by app.is_served(a.standing) desc, a.created_at desc, a.id desc
      limit 1
    ),
    'none'
  );
$$;
comment on function app.billing_standing(uuid) is
  'How a shop stands: the standing of its newest subscription that is served, else of its newest, else none.';
grant execute on function app.billing_standing(uuid) to authenticated;
