-- A shop has a handful of subscriptions in its life: this reads no more.
create function app.billing_allows(p_business_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select app.is_served(app.billing_standing(p_business_id));
$$;
comment on function app.billing_allows(uuid) is
  'Whether a shop has a subscription that pays for texts: trialing, active, or past_due within the grace. None is none.';
