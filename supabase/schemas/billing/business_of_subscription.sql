-- A subscription stays with its shop. A new one is known by its customer, or
-- by the shop we wrote into it at Checkout.
create function app.business_of_subscription(p_subscription jsonb)
returns uuid
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (select business_id from app.subscriptions where id = p_subscription ->> 'id'),
    (select business_id from app.stripe_customers where id = p_subscription ->> 'customer_id'),
    (select id from app.businesses where id = (p_subscription ->> 'business_id')::uuid)
  );
$$;
comment on function app.business_of_subscription(jsonb) is 'The shop a subscription is of, or null.';
