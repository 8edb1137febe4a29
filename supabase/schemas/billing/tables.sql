create table app.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  received_at timestamptz not null default app.clock(),

  constraint webhook_events_pkey primary key (provider, event_id),
  constraint provider_is_known check (provider in ('twilio', 'stripe')),
  constraint event_id_is_short check (char_length(event_id) between 1 and 255),
  -- What is purged is purged by type: another one wants a limit of its own.
  constraint type_is_known check (provider <> 'twilio' or type in ('message', 'status'))
);
comment on table app.webhook_events is
  'The idempotent log: a row is written in the transaction that applies the event, or not at all.';
-- One for each kind with a limit of its own; a row is in one of them.
create index webhook_events_stripe_idx on app.webhook_events (received_at)
  where provider = 'stripe';
create index webhook_events_message_idx on app.webhook_events (received_at)
  where provider = 'twilio' and type = 'message';
create index webhook_events_status_idx on app.webhook_events (received_at)
  where provider = 'twilio' and type = 'status';
alter table app.webhook_events
  set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.webhook_events enable row level security;

create table app.stripe_customers (
  id text primary key,
  business_id uuid not null references app.businesses (id),
  created_at timestamptz not null default app.clock(),

  constraint id_form check (id ~ '^cus_[A-Za-z0-9_]{1,200}$')
);
comment on table app.stripe_customers is
  'Which shop a customer of Stripe''s is. A shop may have been several; a customer is always one shop.';
create index stripe_customers_business_id_idx on app.stripe_customers (business_id);
alter table app.stripe_customers enable row level security;

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
alter table app.subscriptions enable row level security;
create policy own on app.subscriptions for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, business_id, customer_id, status, price_id, current_period_start, current_period_end,
  trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused, unpaid_since,
  created_at, version, fetched_at
) on app.subscriptions to authenticated;

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
alter table app.stripe_listing enable row level security;
