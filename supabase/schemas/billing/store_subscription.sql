-- What Stripe answered, and the event that made us ask, together or not at all.
create function public.store_subscription(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_new jsonb := request -> 'subscription';
  v_event jsonb := nullif(request -> 'event', 'null');
  v_business_id uuid := app.business_of_subscription(v_new);
  v_old app.subscriptions;
  v_standing text;
begin
  if v_business_id is null then
    if v_event is not null and not app.log_stripe_event(v_event) then
      return jsonb_build_object('outcome', 'duplicate');
    end if;
    return jsonb_build_object('outcome', 'unknown_customer');
  end if;

  -- All who store a subscription of this shop wait here, so what is read next
  -- stays as it is.
  perform from app.businesses where id = v_business_id for no key update;
  select * into v_old from app.subscriptions where id = v_new ->> 'id';
  if coalesce(v_old.version, 0) <> (request ->> 'version')::bigint then
    return jsonb_build_object('outcome', 'conflict');
  end if;
  if v_event is not null and not app.log_stripe_event(v_event) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  -- At Stripe there is no way back from these. An answer that says so is stale.
  if v_old.status in ('canceled', 'incomplete_expired') and v_old.status <> v_new ->> 'status' then
    return jsonb_build_object('outcome', 'ended');
  end if;

  v_standing := app.billing_standing(v_business_id);
  perform app.put_subscription(v_business_id, v_new);
  if app.billing_standing(v_business_id) <> v_standing then
    insert into app.audit_events (business_id, actor, action)
    values (v_business_id, 'provider', 'billing_' || app.billing_standing(v_business_id));
  end if;
  return jsonb_build_object('outcome', 'stored');
end;
$$;
comment on function public.store_subscription(jsonb) is
  'Stores what Stripe answered over the version that was there before it was asked, and logs the event that made us ask. Outcome: stored, conflict (another version is there), duplicate, ended, or unknown_customer.';
grant execute on function public.store_subscription(jsonb) to service_role;
