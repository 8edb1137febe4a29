create function app.put_subscription(p_business_id uuid, p_new jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into app.stripe_customers (id, business_id)
  values (p_new ->> 'customer_id', p_business_id)
  on conflict do nothing;
  insert into app.subscriptions (
    id, business_id, customer_id, status, price_id, current_period_start, current_period_end,
    trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused, unpaid_since,
    created_at
  )
  values (
    p_new ->> 'id', p_business_id, p_new ->> 'customer_id', p_new ->> 'status',
    p_new ->> 'price_id', to_timestamp((p_new ->> 'current_period_start')::bigint),
    to_timestamp((p_new ->> 'current_period_end')::bigint),
    to_timestamp((p_new ->> 'trial_end')::bigint), to_timestamp((p_new ->> 'cancel_at')::bigint),
    (p_new ->> 'cancel_at_period_end')::boolean,
    to_timestamp((p_new ->> 'canceled_at')::bigint),
    (p_new ->> 'is_collection_paused')::boolean,
    to_timestamp((p_new ->> 'unpaid_since')::bigint), to_timestamp((p_new ->> 'created')::bigint)
  )
  on conflict (id) do update
    set customer_id = excluded.customer_id,
        status = excluded.status,
        price_id = excluded.price_id,
        current_period_start = excluded.current_period_start,
        current_period_end = excluded.current_period_end,
        trial_end = excluded.trial_end,
        cancel_at = excluded.cancel_at,
        cancel_at_period_end = excluded.cancel_at_period_end,
        canceled_at = excluded.canceled_at,
        is_collection_paused = excluded.is_collection_paused,
        unpaid_since = excluded.unpaid_since,
        created_at = excluded.created_at,
        version = subscriptions.version + 1,
        fetched_at = app.clock();
end;
$$;
comment on function app.put_subscription(uuid, jsonb) is
  'Writes a subscription as Stripe has it over the one that is stored, as its next version.';
