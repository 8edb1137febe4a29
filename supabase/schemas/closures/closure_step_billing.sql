create function app.closure_step_billing(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'step', 'billing',
    'customers', (
      select coalesce(jsonb_agg(c.id order by c.id), '[]')
      from app.stripe_customers c
      where c.business_id = p_closure.business_id
    ),
    'subscriptions', (
      select coalesce(jsonb_agg(s.id order by s.id), '[]')
      from app.subscriptions s
      where s.business_id = p_closure.business_id
        and s.status not in ('canceled', 'incomplete_expired')
    )
  );
$$;
comment on function app.closure_step_billing(app.closures) is
  'What is to be ended at Stripe for a closure.';
