-- What the shops pay for, as Stripe has it.
--
-- A row of app.subscriptions is what Stripe answered when it was asked, never
-- what an event said: events come late, twice and out of order, and two of one
-- second have no order at all. Whoever stores an answer names the version that
-- was there before Stripe was asked. So each answer stored is of a later time
-- than the one before it, and a row only ever gets closer to what Stripe has.
--
-- Locks: the business first, then its subscriptions; before job, lead, message.

create table app.stripe_customers (
  id text primary key,
  business_id uuid not null references app.businesses (id),
  created_at timestamptz not null default app.clock(),

  constraint id_form check (id ~ '^cus_[A-Za-z0-9_]{1,200}$')
);
comment on table app.stripe_customers is
  'Which shop a customer of Stripe''s is. A shop may have been several; a customer is always one shop.';
create index stripe_customers_business_id_idx on app.stripe_customers (business_id);

create table app.subscriptions (
  id text primary key,
  business_id uuid not null references app.businesses (id),
  customer_id text not null references app.stripe_customers (id),
  status text not null,
  price_id text,
  current_period_start timestamptz,
  current_period_end timestamptz,
  trial_end timestamptz,
  cancel_at timestamptz,
  cancel_at_period_end boolean not null,
  canceled_at timestamptz,
  is_collection_paused boolean not null,
  unpaid_since timestamptz,
  created_at timestamptz not null,
  version bigint not null default 1,
  fetched_at timestamptz not null default app.clock(),

  constraint id_form check (id ~ '^sub_[A-Za-z0-9_]{1,200}$'),
  constraint status_is_known check (
    status in (
      'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid',
      'paused'
    )
  ),
  constraint past_due_has_a_beginning check (status <> 'past_due' or unpaid_since is not null)
);
comment on table app.subscriptions is
  'What the shops pay for: each row is what Stripe last answered about a subscription.';
comment on column app.subscriptions.is_collection_paused is
  'Payments are paused because the service is: pause_collection with the behaviour void.';
comment on column app.subscriptions.unpaid_since is
  'Since when a payment of a past_due subscription is missing.';
comment on column app.subscriptions.version is
  'Counts the answers stored. One that names another version was asked for too early.';
comment on column app.subscriptions.fetched_at is 'When Stripe''s answer was stored.';
create index subscriptions_business_id_idx on app.subscriptions (business_id);
create index subscriptions_customer_id_idx on app.subscriptions (customer_id);
-- Those that can still change.
create index subscriptions_open_idx on app.subscriptions (id)
where status not in ('canceled', 'incomplete_expired');

create table app.stripe_listing (
  is_only_row boolean primary key default true,
  listed_until timestamptz not null,
  page_until timestamptz,
  page_after text,

  constraint there_is_one_row check (is_only_row),
  constraint page_is_of_a_listing check (page_after is null or page_until is not null)
);
comment on table app.stripe_listing is
  'How far Stripe''s list of events has been compared with the log. Its times are whole seconds, as Stripe''s are.';
comment on column app.stripe_listing.listed_until is
  'The watermark: all events created before it were compared.';
comment on column app.stripe_listing.page_until is
  'The end of the listing under way, which becomes the watermark when it is through.';
comment on column app.stripe_listing.page_after is
  'The last event of the listing under way that was compared. It goes from new to old.';
insert into app.stripe_listing (listed_until) values (date_trunc('second', app.clock()));

alter table app.stripe_customers enable row level security;
alter table app.subscriptions enable row level security;
alter table app.stripe_listing enable row level security;

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

create function app.is_served(p_standing text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_standing in ('trialing', 'active', 'past_due');
$$;
comment on function app.is_served(text) is 'Whether a shop of this standing is served.';

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
