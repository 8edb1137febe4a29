-- The baseline: what shops pay for.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- Two who list at once compare the same events twice, which does no harm; only
-- the first of them moves on.
create function public.advance_stripe_listing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (request ->> 'is_complete')::boolean then
    update app.stripe_listing
    set listed_until = page_until, page_until = null, page_after = null
    where page_until = to_timestamp((request ->> 'until')::bigint);
  else
    update app.stripe_listing
    set page_after = request ->> 'next'
    where page_until = to_timestamp((request ->> 'until')::bigint)
      and page_after is not distinct from request ->> 'after';
  end if;
  return jsonb_build_object('outcome', case when found then 'advanced' else 'behind' end);
end;
$$;
comment on function public.advance_stripe_listing(jsonb) is
  'Moves on to after the event next (or back to the beginning), or ends the listing. Outcome: advanced, or behind: another was faster.';
grant execute on function public.advance_stripe_listing(jsonb) to service_role;

-- An event arrives. One that names no subscription has no effect here, and is
-- logged. One that does is a hint to ask Stripe; it is logged together with the
-- answer, by store_subscription, so that it comes again if there is none.
create function public.apply_stripe_event(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_version bigint;
begin
  if request ->> 'subscription_id' is null then
    return jsonb_build_object(
      'outcome', case when app.log_stripe_event(request) then 'ignored' else 'duplicate' end
    );
  end if;
  if exists (
    select from app.webhook_events
    where provider = 'stripe' and event_id = request ->> 'event_id'
  ) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  select version into v_version from app.subscriptions where id = request ->> 'subscription_id';
  return jsonb_build_object('outcome', 'fetch', 'version', coalesce(v_version, 0));
end;
$$;
comment on function public.apply_stripe_event(jsonb) is
  'Takes in an event of Stripe''s. Outcome: ignored (and logged), duplicate, or fetch: the subscription is to be asked for and stored over this version.';
grant execute on function public.apply_stripe_event(jsonb) to service_role;

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

create function app.is_served(p_standing text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_standing in ('trialing', 'active', 'past_due');
$$;
comment on function app.is_served(text) is 'Whether a shop of this standing is served.';
grant execute on function app.is_served(text) to authenticated;

create function public.link_stripe_customer(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
begin
  insert into app.stripe_customers (id, business_id)
  select request ->> 'customer_id', b.id
  from app.businesses b
  where b.id = (request ->> 'business_id')::uuid and b.owner_id = v_owner_id
  on conflict do nothing;
  return jsonb_build_object('outcome', 'linked');
end;
$$;
comment on function public.link_stripe_customer(jsonb) is
  'Remembers which shop of the owner''s a new customer of Stripe''s is.';
grant execute on function public.link_stripe_customer(jsonb) to service_role;

-- The log of events: true the first time. A delivery of the same event in
-- flight at the same time is waited for by the primary key.
create function app.log_stripe_event(p_event jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  insert into app.webhook_events (provider, event_id, type)
  values ('stripe', p_event ->> 'event_id', p_event ->> 'type')
  on conflict do nothing;
  if not found then
    return false;
  end if;
  -- Once a day is enough to be noticed, and an endpoint that is set up wrongly
  -- sends every event so.
  if (p_event ->> 'has_other_version')::boolean and not exists (
    select
    from app.audit_events
    where business_id is null
      and action = 'stripe_version_differs'
      and at > app.clock() - interval '1 day'
  ) then
    insert into app.audit_events (actor, action) values ('provider', 'stripe_version_differs');
  end if;
  return true;
end;
$$;
comment on function app.log_stripe_event(jsonb) is 'Writes an event into the log. False if it is there.';

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

-- Stripe tries a failed payment again about four times in its first week, and
-- tells the owner each time. Who has not paid then is not late but gone.
create function app.payment_grace()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '7 days';
$$;
comment on function app.payment_grace() is 'For how long a shop is served whose payment has failed.';
grant execute on function app.payment_grace() to authenticated;

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

-- Where the comparison of Stripe's list with the log goes on. A listing begins
-- at the watermark, but no earlier than Stripe keeps events (30 days), and ends
-- five minutes ago: an event may take a moment to be listed.
create function public.resume_stripe_listing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_listing app.stripe_listing;
  v_is_new boolean;
begin
  select * into strict v_listing from app.stripe_listing for no key update;
  v_is_new := v_listing.page_until is null;
  if v_is_new then
    update app.stripe_listing
    set page_until =
      greatest(listed_until, date_trunc('second', app.clock() - interval '5 minutes'))
    returning * into strict v_listing;
  end if;
  return jsonb_build_object(
    'is_new', v_is_new,
    'since', extract(epoch from greatest(
      v_listing.listed_until, date_trunc('second', app.clock() - interval '30 days')
    ))::bigint,
    'until', extract(epoch from v_listing.page_until)::bigint,
    'after', v_listing.page_after
  );
end;
$$;
comment on function public.resume_stripe_listing(jsonb) is
  'Which events are to be compared next: created from since to before until, and listed after the event after; and whether this listing has just begun.';
grant execute on function public.resume_stripe_listing(jsonb) to service_role;

-- A period's end is never without an event; if none came, Stripe is asked. And
-- each subscription is asked about once a week, whatever came.
create function public.stale_subscriptions(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('id', s.id, 'version', s.version) order by s.id), '[]'
  )
  from (
    select id, version
    from app.subscriptions
    where status not in ('canceled', 'incomplete_expired')
      and id > coalesce(request ->> 'after', '')
      and fetched_at < greatest(
        app.clock() - interval '7 days',
        case when current_period_end < app.clock() then current_period_end end
      )
    order by id
    limit 100
  ) s;
$$;
comment on function public.stale_subscriptions(jsonb) is
  'Up to 100 subscriptions, after the id after, that Stripe should be asked about because no event came when one should have.';
grant execute on function public.stale_subscriptions(jsonb) to service_role;

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

reset check_function_bodies;
