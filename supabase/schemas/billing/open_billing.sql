-- All that decides which page it is. A subscription that can still be paid is
-- for the portal: a second one would be paid twice. And a shop has one trial.
create function public.open_billing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_business app.businesses;
begin
  select * into v_business
  from app.businesses
  where owner_id = v_owner_id
    and state = 'active'
    and (request ->> 'business_id' is null or id = (request ->> 'business_id')::uuid)
  order by created_at, id
  limit 1;
  if not found then
    return jsonb_build_object('outcome', 'no_shop');
  end if;

  insert into app.audit_events (business_id, actor, action)
  values (v_business.id, 'owner', 'billing_opened');
  return jsonb_build_object(
    'outcome', 'shop',
    'business_id', v_business.id,
    'name', v_business.name,
    'language', v_business.language,
    'email', (select u.email from auth.users u where u.id = v_owner_id),
    -- Who pays now, else who was made last.
    'customer_id', (
      select c.id
      from app.stripe_customers c
      where c.business_id = v_business.id
      order by exists (
        select
        from app.subscriptions s
        where s.customer_id = c.id
          and s.status not in ('incomplete', 'incomplete_expired', 'canceled')
      ) desc, c.created_at desc, c.id desc
      limit 1
    ),
    'is_subscribed', exists (
      select
      from app.subscriptions s
      where s.business_id = v_business.id
        and s.status not in ('incomplete', 'incomplete_expired', 'canceled')
    ),
    'had_trial', exists (
      select
      from app.subscriptions s
      where s.business_id = v_business.id
        and s.status not in ('incomplete', 'incomplete_expired')
    ),
    -- Stripe knows what is sent again by this.
    'attempt', pg_catalog.gen_random_uuid()
  );
end;
$$;
comment on function public.open_billing(jsonb) is
  'What is needed to send an owner to Checkout or to the billing portal. Outcome: shop, or no_shop.';
grant execute on function public.open_billing(jsonb) to service_role;
