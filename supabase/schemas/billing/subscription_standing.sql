-- Trials and paid time end by Stripe's word, not by the clock: what Stripe does
-- at their end (a card is charged, a month is given free) only Stripe knows.
create function app.subscription_standing(p_subscription app.subscriptions)
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when p_subscription.status in ('trialing', 'active', 'past_due')
      and p_subscription.is_collection_paused then 'paused'
    when p_subscription.status = 'past_due'
      and p_subscription.unpaid_since + app.payment_grace() <= app.clock() then 'grace_over'
    else p_subscription.status
  end;
$$;
comment on function app.subscription_standing(app.subscriptions) is
  'Stripe''s status, but for paused, where payments are, and grace_over, where past_due has lasted too long.';
grant execute on function app.subscription_standing(app.subscriptions) to authenticated;
