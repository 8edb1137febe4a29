-- Invariant: A shop is served while it pays. app.billing_allows is the one place that
-- says so: a subscription that is trialing or active, or past_due for less than a week
-- (app.payment_grace), and not paused. The newest that is served counts; a shop without
-- any is not served. Time alone ends only the grace: what happens at the end of a trial
-- or a period, Stripe decides and says.
--
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
