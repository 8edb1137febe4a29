-- The baseline: the tables, their rules, and the functions that these lean on.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- The shops of whoever makes the request, if the session stands and has shown
-- every factor; refuses the call else. Each policy asks it, once for a statement.
--
-- Security definer, the only such function an owner may call: sessions are in
-- the schema auth. It takes no argument and tells a caller only about themselves.
create function app.own_business_ids()
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims jsonb := auth.jwt();
  v_owner_id uuid;
begin
  -- A token that the owner has given to another application, or nobody's.
  if v_claims ? 'client_id' or coalesce((v_claims ->> 'is_anonymous')::boolean, false) then
    perform app.refuse('session_ended', 'the session is not an owner''s');
  end if;
  v_owner_id := app.require_session(jsonb_build_object(
    'user_id', v_claims ->> 'sub', 'session_id', v_claims ->> 'session_id', 'aal', v_claims ->> 'aal'
  ));
  return array(select b.id from app.businesses b where b.owner_id = v_owner_id);
end;
$$;
comment on function app.own_business_ids() is
  'The shops of the owner who makes the request; refuses it if the session has ended.';
grant execute on function app.own_business_ids() to authenticated;

create function app.note_orphaned_consent()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update app.consent_ledgers c
  set orphaned_at = app.clock()
  from erased e
  where c.business_id = e.business_id and c.phone_hmac = e.phone_hmac;
  return null;
end;
$$;
comment on function app.note_orphaned_consent() is
  'Trigger of app.leads: the time of a chain runs from when its lead was erased.';

create function app.is_being_erased(p_business_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.closures
    where business_id = p_business_id
      and state = 'open'
      and step in ('rows', 'key')
      and restored_at is null
  );
$$;
comment on function app.is_being_erased(uuid) is
  'Whether an account is sealed, or has been, and its rows are to go.';

create function app.refuse_gap_in_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select
    from app.consent_ledgers
    where business_id = old.business_id and phone_hmac = old.phone_hmac
  ) then
    raise exception 'rows of %.% go with their chain only', tg_table_schema, tg_table_name;
  end if;
  return old;
end;
$$;
comment on function app.refuse_gap_in_evidence() is
  'Trigger of app.consent_events: a row goes only when the end of its chain is gone.';

-- Nothing of a row may change but that its wording, which may name a person, is
-- taken out for good.
create function app.refuse_change_of_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if to_jsonb(new) - '{wording,wording_salt}'::text[] <> to_jsonb(old) - '{wording,wording_salt}'::text[]
    or new.wording is not null
  then
    raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
  end if;
  return new;
end;
$$;
comment on function app.refuse_change_of_evidence() is
  'Trigger of app.consent_events: an update may erase the wording and nothing else.';

create function app.delete_chain()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  delete from app.consent_events e
  using gone g
  where e.business_id = g.business_id and e.phone_hmac = g.phone_hmac;
  return null;
end;
$$;
comment on function app.delete_chain() is
  'Trigger of app.consent_ledgers: with the end of a chain go its rows.';

create function app.note_message()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update app.conversations
  set last_message_id = new.id,
      is_unanswered = new.direction = 'inbound' and suppressed_at is null
  where lead_id = new.lead_id and last_message_id < new.id;
  if not found then
    insert into app.conversations (
      lead_id, business_id, last_message_id, is_unanswered, suppressed_at
    )
    select l.id, l.business_id, new.id, new.direction = 'inbound' and s.suppressed_at is null,
      s.suppressed_at
    from app.leads l
    cross join lateral (select app.suppressed_at(l.business_id, l.phone_hmac)) s (suppressed_at)
    where l.id = new.lead_id
    -- It is there, with a newer text.
    on conflict (lead_id) do nothing;
  end if;
  return null;
end;
$$;
comment on function app.note_message() is
  'Trigger of app.messages: keeps app.conversations. Whoever writes a text holds the lead''s lock.';

-- Whoever writes an export, and whatever session was checked: a shop that is
-- being closed gives nothing away any more.
create function app.refuse_export_of_closing()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from app.businesses where id = new.business_id and state = 'active') then
    perform app.refuse('not_found', 'the owner has no such shop');
  end if;
  return new;
end;
$$;
comment on function app.refuse_export_of_closing() is
  'Trigger of app.exports: only of a shop that is active is anything exported.';

create table app.audit_events (
  id uuid primary key default app.uuid_v7(),
  business_id uuid,
  actor text not null,
  action text not null,
  subject_id uuid,
  at timestamptz not null default app.clock(),

  constraint actor_is_known check (actor in ('lead', 'owner', 'operator', 'system', 'provider'))
);
comment on table app.audit_events is 'Who did what to which account, without personal data.';
create index audit_events_action_at_idx on app.audit_events (action, at);
create index audit_events_business_id_id_idx on app.audit_events (business_id, id);
create trigger audit_events_are_never_changed
  before update or truncate on app.audit_events
  for each statement execute function app.refuse_change();
create trigger audit_events_stay
  before delete on app.audit_events
  for each row execute function app.refuse_early_deletion('at', '5 years');
alter table app.audit_events enable row level security;
create policy own on app.audit_events for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (id, business_id, actor, action, subject_id, at) on app.audit_events to authenticated;

create table app.object_deletions (
  bucket text not null,
  path text not null,
  created_at timestamptz not null default app.clock(),

  constraint object_deletions_pkey primary key (bucket, path)
);
comment on table app.object_deletions is
  'Objects in Storage that are to be deleted: what they belonged to is gone already.';
-- Also whoever deletes the objects takes the oldest first.
create index object_deletions_created_at_idx on app.object_deletions (created_at);
alter table app.object_deletions enable row level security;

create table app.closures (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null,
  owner_id uuid,
  ends_owner boolean not null,
  state text not null default 'open',
  step text not null default 'billing',
  requested_at timestamptz not null default app.clock(),
  purge_at timestamptz not null,
  run_at timestamptz not null default app.clock(),
  fencing_token bigint not null default 0,
  faults integer not null default 0,
  last_fault text,
  erased jsonb not null default '{}',
  key_id text,
  wrapped_key bytea,
  storage_path text,
  byte_count bigint,
  sha256 bytea,
  counts jsonb,
  sealed_at timestamptz,
  restored_at timestamptz,
  certificate text,
  finished_at timestamptz,

  constraint state_is_known check (state in ('open', 'done')),
  constraint step_is_known check (
    step in (
      'billing', 'settle', 'seal', 'rows', 'files', 'owner', 'twilio', 'key', 'object', 'certificate'
    )
  ),
  constraint fault_is_short check (char_length(last_fault) <= 100),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint seal_is_whole
    check (num_nonnulls(key_id, storage_path, byte_count, sha256, counts, sealed_at) in (0, 6)),
  constraint only_a_seal_has_a_key check (wrapped_key is null or sealed_at is not null),
  constraint nothing_is_erased_unsealed
    check (sealed_at is not null or step in ('billing', 'settle', 'seal')),
  constraint done_is_certified check (
    (state = 'done') = (certificate is not null) and (state = 'done') = (finished_at is not null)
  ),
  constraint done_keeps_no_key check (state = 'open' or wrapped_key is null)
);
comment on table app.closures is
  'Accounts closed and being closed. An open one is an obligation: whoever finds it due may claim it, until its certificate is written.';
comment on column app.closures.owner_id is
  'Who asked, so that asking again finds it. Null once nothing is left to be restored.';
comment on column app.closures.ends_owner is
  'Whether it was the owner''s last shop, so that the owner''s sign-in goes too.';
comment on column app.closures.step is 'What is to be done next, in the order of app.closure_steps().';
comment on column app.closures.purge_at is 'When the sealed backup is destroyed: 90 days after it was asked for.';
comment on column app.closures.run_at is
  'From when it may be claimed. Claiming, and each call of its holder, moves it to the end of the lease.';
comment on column app.closures.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.closures.faults is 'How often the step has failed in a row.';
comment on column app.closures.erased is 'What was erased so far: how many of each.';
comment on column app.closures.wrapped_key is
  'The key of the sealed backup, wrapped by the key of settings that key_id names. Without it nobody reads the backup.';
comment on column app.closures.counts is 'How many rows of each table are in the sealed backup.';
comment on column app.closures.restored_at is
  'When an operator brought the account back. The backup is destroyed all the same.';
comment on column app.closures.certificate is 'What is left: canonical JSON (docs/closure.md).';
create unique index closures_business_id_key on app.closures (business_id) where restored_at is null;
create index closures_owner_id_idx on app.closures (owner_id);
create index closures_due_idx on app.closures (run_at) where state = 'open';
alter table app.closures enable row level security;

create table app.closure_receipts (
  closure_id uuid not null references app.closures (id),
  step text not null,
  at timestamptz not null default app.clock(),
  detail jsonb not null,

  constraint closure_receipts_pkey primary key (closure_id, step),
  constraint detail_is_an_object check (jsonb_typeof(detail) = 'object')
);
comment on table app.closure_receipts is
  'What was done for a closure: a row for each step, written by the transaction that ends the step, never changed.';
create trigger closure_receipts_are_never_changed
before update or delete or truncate on app.closure_receipts
for each statement execute function app.refuse_change();
alter table app.closure_receipts enable row level security;

create table app.twilio_redactions (
  message_sid text primary key,
  closure_id uuid references app.closures (id),
  media_sids text[] not null default '{}',
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,

  constraint message_sid_form check (message_sid ~ '^(SM|MM)[0-9a-f]{32}$')
);
comment on table app.twilio_redactions is
  'Texts that Twilio is to forget and that we have no other row of. A row is gone when Twilio''s copy is empty.';
comment on column app.twilio_redactions.closure_id is
  'The closure that waits for it; null for a text to a number of nobody.';
comment on column app.twilio_redactions.media_sids is 'What came with the text and is still there.';
create index twilio_redactions_closure_id_idx on app.twilio_redactions (closure_id);
create index twilio_redactions_due_idx on app.twilio_redactions (run_at);
alter table app.twilio_redactions enable row level security;

create table app.refusals (
  day date not null,
  function text not null,
  reason text not null,
  count bigint not null,

  constraint refusals_pkey primary key (day, function, reason),
  constraint function_is_short check (char_length(function) between 1 and 100),
  constraint reason_is_short check (char_length(reason) between 1 and 100)
);
comment on table app.refusals is
  'How many requests were refused, by day (UTC), function and reason. Written in sums: the logs have each one.';
alter table app.refusals enable row level security;

create table app.rate_limits (
  kind text not null,
  subject bytea not null,
  full_until timestamptz not null,
  primary key (kind, subject),

  constraint kind_is_short check (char_length(kind) between 1 and 40),
  constraint subject_is_sha256 check (octet_length(subject) = 32)
);
comment on table app.rate_limits is
  'Who has done something lately, by a keyed hash. A row that is past its time is as good as none.';
comment on column app.rate_limits.full_until is
  'When all that was taken has leaked out of the bucket: each taking moves it on by its share.';
create index rate_limits_full_until_idx on app.rate_limits (full_until);
alter table app.rate_limits enable row level security;

create table app.retention_runs (
  id uuid primary key default app.uuid_v7(),
  started_at timestamptz not null default app.clock(),
  finished_at timestamptz,
  is_complete boolean not null default false,
  purged jsonb not null default '{}',

  constraint complete_is_finished check (finished_at is not null or not is_complete),
  constraint purged_is_an_object check (jsonb_typeof(purged) = 'object')
);
comment on table app.retention_runs is
  'What cron/retention deleted, run by run: how many rows of each kind, and no more of them.';
comment on column app.retention_runs.finished_at is 'Null while it runs, and for good if it was cut off.';
comment on column app.retention_runs.is_complete is 'Whether nothing was left to do.';
alter table app.retention_runs enable row level security;

create table app.businesses (
  id uuid primary key default app.uuid_v7(),
  owner_id uuid not null references auth.users (id),
  name text not null,
  mailing_address text not null,
  contact_email text,
  contact_phone app.e164,
  website text,
  time_zone text not null default 'America/Toronto',
  language text not null default 'en',
  about text not null default '',
  instructions text not null default '',
  state text not null default 'active',
  created_at timestamptz not null default app.clock(),
  updated_at timestamptz not null default app.clock(),
  version integer not null default 1,

  constraint name_is_short check (char_length(name) between 1 and 60),
  constraint mailing_address_is_given check (char_length(mailing_address) between 1 and 300),
  constraint contact_is_given check (num_nonnulls(contact_email, contact_phone, website) > 0),
  constraint website_is_a_url check (website ~ '^https://[^[:space:]]{1,200}$'),
  constraint language_is_known check (language in ('en', 'fr')),
  constraint about_is_bounded check (char_length(about) <= 8000),
  constraint instructions_are_bounded check (char_length(instructions) <= 4000),
  constraint state_is_known check (state in ('active', 'closing', 'closed'))
);
comment on table app.businesses is 'The shops: who owns them and what the assistant may say for them.';
comment on column app.businesses.about is
  'What customers may be told: hours, services, prices. The assistant knows nothing else.';
comment on column app.businesses.instructions is 'How the owner wants the assistant to talk.';
comment on column app.businesses.mailing_address is
  'Canada''s anti-spam law wants it within reach of every message (SOR/2012-36, s. 2).';
comment on column app.businesses.version is
  'Counts changes of the profile. One that names another version was begun before the last.';
create index businesses_owner_id_idx on app.businesses (owner_id);
alter table app.businesses
  alter column name set statistics 0,
  alter column mailing_address set statistics 0,
  alter column contact_email set statistics 0,
  alter column contact_phone set statistics 0,
  alter column website set statistics 0,
  alter column about set statistics 0,
  alter column instructions set statistics 0;
alter table app.businesses enable row level security;
create policy own on app.businesses for select to authenticated
using (id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language,
  about, instructions, state, created_at, updated_at, version
) on app.businesses to authenticated;

create table app.sender_numbers (
  phone app.e164 primary key,
  business_id uuid references app.businesses (id),
  created_at timestamptz not null default app.clock(),
  texts_per_minute integer not null default 30,

  constraint texts_per_minute_is_positive check (texts_per_minute > 0)
);
comment on table app.sender_numbers is
  'Our Twilio numbers: what a shop is texted at and texts from. Without a shop, a number waits for one.';
comment on column app.sender_numbers.texts_per_minute is
  'How many texts may be handed to Twilio in any 60 seconds. An operator raises it for a short code or a toll-free number.';
comment on column app.sender_numbers.business_id is
  'The shop that has it; null for a number that nobody has at the moment.';
create index sender_numbers_business_id_idx on app.sender_numbers (business_id);
create index sender_numbers_free_idx on app.sender_numbers (created_at, phone)
where business_id is null;
alter table app.sender_numbers enable row level security;
create policy own on app.sender_numbers for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (phone, business_id, created_at) on app.sender_numbers to authenticated;

-- What is in it is unreadable without a key that Storage does not have.
insert into storage.buckets (id, name, public, allowed_mime_types)
values ('backups', 'backups', false, array['application/octet-stream'])
on conflict (id) do nothing;

insert into storage.buckets (id, name, public, allowed_mime_types)
values ('exports', 'exports', false, array['application/zip'])
on conflict (id) do nothing;

-- No policy on storage.objects lets anybody else in: only the secret key, and
-- links it signs, open what is in the bucket. The limits are those of lib
-- (media_type, twilio::media), kept here once more.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'media', 'media', false, 5242880,
  array[
    'image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'video/mp4', 'video/3gpp',
    'application/pdf', 'text/vcard'
  ]
)
on conflict (id) do nothing;

-- As exports have them: unlogged, so in no backup of the database and on no replica.
create unlogged table app.backup_chunks (
  snapshot_id uuid not null,
  number integer not null,
  business_id uuid not null references app.businesses (id) on delete cascade,
  file text not null,
  rows integer not null,
  lines text not null,

  constraint backup_chunks_pkey primary key (snapshot_id, number)
);
comment on table app.backup_chunks is
  'The rows of an account as lines of JSON, all of one moment, for as long as a backup is made of them.';
create index backup_chunks_business_id_idx on app.backup_chunks (business_id);
alter table app.backup_chunks
  alter column lines set storage external,
  alter column lines set statistics 0;
alter table app.backup_chunks enable row level security;

create table app.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  received_at timestamptz not null default app.clock(),

  constraint webhook_events_pkey primary key (provider, event_id),
  constraint provider_is_known check (provider in ('twilio', 'stripe')),
  constraint event_id_is_short check (char_length(event_id) between 1 and 255)
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

create table app.consent_events (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null,
  lead_id uuid not null,
  message_id uuid,
  change text not null,
  basis text,
  source text not null,
  rule text,
  wording text,
  at timestamptz not null default app.clock(),
  expires_at timestamptz,
  phone_hmac bytea not null,
  sequence integer not null,
  wording_salt bytea,
  wording_digest bytea,
  previous_hash bytea not null,
  hash bytea not null,

  constraint change_is_known check (change in ('granted', 'withdrawn')),
  constraint granted_has_a_basis check ((change = 'granted') = (basis is not null)),
  constraint basis_is_known check (basis in ('implied_inquiry', 'implied_purchase', 'express')),
  constraint source_is_known check (source in ('text', 'provider', 'owner')),
  constraint rule_is_one_line check (rule !~ '[\n\r]'),
  constraint expiry_fits_basis check ((expires_at is null) = (basis is null or basis = 'express')),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint hash_is_sha256 check (octet_length(hash) = 32),
  constraint wording_has_salt_and_digest check (
    (wording is null or wording_digest is not null)
    and (wording is null) = (wording_salt is null)
  ),
  constraint consent_events_chain_key unique (business_id, phone_hmac, sequence)
);
comment on table app.consent_events is
  'Append-only evidence of consent: what the lead said or did, when, through what.';
comment on column app.consent_events.rule is
  'What made us take the wording for a wish, by the name lib has for it: the owner can see why.';
comment on column app.consent_events.sequence is 'The place in its chain, from 1.';
comment on column app.consent_events.wording_digest is
  'SHA-256 of salt and wording. The chain covers it, so the wording can be erased and the chain stays whole.';
comment on column app.consent_events.hash is 'What app.consent_hash says of the row; the next row holds it too.';
create index consent_events_lead_id_id_idx on app.consent_events (lead_id, id);
create trigger consent_events_are_never_changed
before update on app.consent_events
for each row execute function app.refuse_change_of_evidence();
create trigger consent_events_are_never_truncated
  before truncate on app.consent_events
  for each statement execute function app.refuse_change();
create trigger consent_events_go_with_their_chain
  before delete on app.consent_events
  for each row when (not app.is_being_erased(old.business_id))
  execute function app.refuse_gap_in_evidence();
alter table app.consent_events
  alter column wording set statistics 0,
  alter column wording_salt set statistics 0;
alter table app.consent_events enable row level security;
create policy own on app.consent_events for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  business_id, lead_id, change, basis, source, rule, wording, at, expires_at, phone_hmac, sequence
) on app.consent_events to authenticated;

create table app.suppressions (
  sender_phone app.e164 not null,
  phone_hmac bytea not null,
  reason text not null,
  since timestamptz not null default app.clock(),

  constraint suppressions_pkey primary key (sender_phone, phone_hmac),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint reason_is_known check (reason in ('opted_out', 'unreachable'))
);
comment on table app.suppressions is
  'Who must not be texted from a number. Names no person and refers to no row, so it outlives lead and account.';
alter table app.suppressions enable row level security;
create policy own on app.suppressions for select to authenticated
using (
  sender_phone in (
    select n.phone
    from app.sender_numbers n
    where n.business_id = any ((select app.own_business_ids())::uuid[])
  )
);
grant select (sender_phone, phone_hmac, reason, since) on app.suppressions to authenticated;

create table app.consent_ledgers (
  business_id uuid not null,
  phone_hmac bytea not null,
  length integer not null,
  head bytea not null,
  express_since timestamptz,
  inquiry_until timestamptz,
  purchase_until timestamptz,
  orphaned_at timestamptz,

  constraint consent_ledgers_pkey primary key (business_id, phone_hmac),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint head_is_sha256 check (octet_length(head) = 32)
);
comment on table app.consent_ledgers is
  'What the evidence of one shop and phone number amounts to, and where its chain ends. The gate reads this row only.';
comment on column app.consent_ledgers.express_since is 'Since when consent is express; it has no end but a withdrawal.';
comment on column app.consent_ledgers.inquiry_until is 'The end of what an inquiry implies: 6 months (CASL, s. 10(10)(e)).';
comment on column app.consent_ledgers.purchase_until is 'The end of what a purchase implies: 2 years (CASL, s. 10(10)(a)).';
comment on column app.consent_ledgers.orphaned_at is
  'Since when there is no such lead; it may have come back since.';
create index consent_ledgers_orphaned_at_idx on app.consent_ledgers (orphaned_at)
  where orphaned_at is not null;
create trigger consent_ledgers_stay
  before delete on app.consent_ledgers
  for each row when (not app.is_being_erased(old.business_id))
  execute function app.refuse_early_deletion('orphaned_at', '3 years');
create trigger consent_ledgers_are_never_truncated
  before truncate on app.consent_ledgers
  for each statement execute function app.refuse_change();
create trigger consent_ledgers_take_their_chain
  after delete on app.consent_ledgers
  referencing old table as gone
  for each statement execute function app.delete_chain();
alter table app.consent_ledgers enable row level security;
create policy own on app.consent_ledgers for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (business_id, phone_hmac, length, express_since, inquiry_until, purchase_until)
on app.consent_ledgers to authenticated;

create table app.exports (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  format text not null,
  state text not null default 'open',
  requested_by text not null,
  requested_at timestamptz not null default app.clock(),
  due_on date not null,
  due_at timestamptz not null,
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,
  fencing_token bigint not null default 0,
  last_fault text,
  snapshot text,
  snapshot_at timestamptz,
  counts jsonb,
  chunk_count integer,
  rows_total bigint,
  rows_done bigint not null default 0,
  byte_count bigint,
  sha256 bytea,
  finished_at timestamptz,
  expires_at timestamptz,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || id::text || '.zip'
  ) stored,

  constraint format_is_known check (format in ('json', 'csv')),
  constraint requested_by_is_known check (requested_by in ('owner', 'operator')),
  constraint fault_is_short check (char_length(last_fault) <= 100),
  constraint snapshot_is_whole
    check (num_nonnulls(snapshot, snapshot_at, counts, chunk_count, rows_total) in (0, 5)),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint finished_is_described check (
    num_nonnulls(byte_count, sha256, finished_at, expires_at)
      = case when state in ('ready', 'expired') then 4 else 0 end
  ),
  constraint state_is_known
    check (state in ('unconfirmed', 'open', 'ready', 'expired', 'cancelled'))
);
comment on table app.exports is
  'Exports asked for. An open one is an obligation: whoever finds it due may claim it, until it is ready.';
comment on column app.exports.state is
  'unconfirmed: asked for by other means, and nothing happens until the owner asks too.';
comment on column app.exports.run_at is
  'From when it may be claimed. Claiming, and each step, moves it to the end of the lease.';
comment on column app.exports.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.exports.snapshot is 'The moment the rows are of, as pg_current_snapshot has it.';
comment on column app.exports.counts is 'How many rows each file has.';
comment on column app.exports.storage_path is 'Where the bundle is in the bucket exports, if it is.';
-- The same request while one is under way is that one.
create unique index exports_under_way_key on app.exports (business_id, format)
where state in ('unconfirmed', 'open');
create index exports_business_id_idx on app.exports (business_id);
create index exports_due_idx on app.exports (run_at) where state = 'open';
create index exports_expiry_idx on app.exports (expires_at) where state = 'ready';
create index exports_expired_idx on app.exports (expires_at) where state = 'expired';
create trigger exports_are_of_active_shops
before insert on app.exports
for each row execute function app.refuse_export_of_closing();
alter table app.exports enable row level security;
create policy own on app.exports for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, business_id, format, state, requested_at, due_on, snapshot_at, rows_total, rows_done,
  byte_count, sha256, expires_at
) on app.exports to authenticated;

-- Unlogged, so that these copies are in no backup and no replica, and cost half
-- as much. After a crash of the database they are gone; then the rows are
-- gathered anew, as of then.
create unlogged table app.export_chunks (
  export_id uuid not null references app.exports (id) on delete cascade,
  number integer not null,
  file text not null,
  rows integer not null,
  rows_before bigint not null,
  lines text not null,

  constraint export_chunks_pkey primary key (export_id, number)
);
comment on table app.export_chunks is
  'The rows of an export as lines of JSON, a few hundred in each chunk: all of one moment.';
alter table app.export_chunks
  alter column lines set storage external,
  alter column lines set statistics 0;
alter table app.export_chunks enable row level security;

create table app.leads (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  phone app.e164 not null,
  phone_hmac bytea not null,
  name text,
  email text,
  notes text,
  language text,
  needs_owner_since timestamptz,
  needs_owner_reason text,
  created_at timestamptz not null default app.clock(),
  last_inbound_at timestamptz,
  version integer not null default 1,
  -- In byte order, so that a prefix is a range whatever the database's language.
  name_key text collate "C" generated always as (lower(name)) stored,
  taken_over_at timestamptz,

  constraint leads_business_id_phone_key unique (business_id, phone),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint language_is_known check (language in ('en', 'fr')),
  constraint needs_owner_has_both
    check ((needs_owner_since is null) = (needs_owner_reason is null)),
  constraint name_is_short check (char_length(name) between 1 and 120),
  constraint email_is_short check (char_length(email) between 3 and 254),
  constraint notes_are_bounded check (char_length(notes) between 1 and 4000),
  constraint needs_owner_reason_is_known check (
    needs_owner_reason in (
      'assistant_unsure', 'assistant_unavailable', 'cap', 'send_failed', 'opted_out_in_words',
      'billing', 'taken_over'
    )
  )
);
comment on table app.leads is 'The people who text a shop, one row per shop and phone number.';
comment on column app.leads.phone_hmac is
  'HMAC-SHA-256 of the phone number under SUPPRESSION_KEY: how app.suppressions knows it.';
comment on column app.leads.needs_owner_since is
  'Since when the lead waits for the owner; null when nothing is waiting.';
comment on column app.leads.version is
  'Counts corrections. One that names another version was begun before the last.';
comment on column app.leads.name_key is 'The name, as it is searched for.';
comment on column app.leads.taken_over_at is
  'Since when the owner answers instead of the assistant; null when the assistant does.';
create index leads_business_id_phone_hmac_idx on app.leads (business_id, phone_hmac);
create index leads_business_id_id_idx on app.leads (business_id, id);
create index leads_business_id_name_key_idx on app.leads (business_id, name_key, id)
where name_key is not null;
create index leads_waiting_idx on app.leads (business_id, needs_owner_since, id)
where needs_owner_since is not null;
create trigger leads_leave_their_consent
  after delete on app.leads
  referencing old table as erased
  for each statement execute function app.note_orphaned_consent();
alter table app.leads
  alter column phone set statistics 0,
  alter column name set statistics 0,
  alter column email set statistics 0,
  alter column notes set statistics 0,
  alter column name_key set statistics 0;
alter table app.leads enable row level security;
create policy own on app.leads for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, business_id, phone, phone_hmac, name, name_key, email, notes, language, needs_owner_since,
  needs_owner_reason, created_at, last_inbound_at, version, taken_over_at
) on app.leads to authenticated;

create table app.erased_leads (
  closure_id uuid not null references app.closures (id),
  phone_hmac bytea not null,
  at timestamptz not null default app.clock(),

  constraint erased_leads_pkey primary key (closure_id, phone_hmac),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32)
);
comment on table app.erased_leads is
  'People who asked to be erased while they were in a sealed backup: no restore brings them back. Names no person.';
alter table app.erased_leads enable row level security;

create table app.messages (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  lead_id uuid not null references app.leads (id),
  sender_phone app.e164 not null,
  direction text not null,
  author text not null,
  body text not null,
  media_count smallint not null default 0,
  masked_count smallint not null default 0,
  in_reply_to uuid references app.messages (id),
  legal_basis text,
  twilio_sid text,
  status text not null,
  error_code integer,
  attempted_at timestamptz,
  created_at timestamptz not null default app.clock(),
  request_id uuid,

  constraint direction_is_known check (direction in ('inbound', 'outbound')),
  constraint author_fits_direction check (
    case direction
      when 'inbound' then author = 'lead'
      else author in ('assistant', 'owner', 'system')
    end
  ),
  constraint body_is_bounded check (char_length(body) <= 4096),
  constraint outbound_has_a_legal_basis check ((direction = 'outbound') = (legal_basis is not null)),
  constraint legal_basis_is_known check (
    legal_basis in ('response', 'implied_inquiry', 'implied_purchase', 'express')
  ),
  constraint twilio_sid_form check (twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'),
  constraint status_is_known check (
    status in (
      'received', 'pending', 'withheld', 'accepted', 'scheduled', 'queued', 'sending', 'sent',
      'canceled', 'failed', 'undelivered', 'delivered', 'read'
    )
  )
);
comment on table app.messages is 'Every text in both directions.';
comment on column app.messages.masked_count is
  'How many card and social-insurance numbers were masked in the body before it was stored.';
comment on column app.messages.sender_phone is 'The shop''s number: where the lead wrote to, or what we write from.';
comment on column app.messages.status is
  'Twilio''s status; before Twilio has it pending, or withheld when the gate refused the claim.';
comment on column app.messages.attempted_at is
  'When it was last claimed for sending. Set and without twilio_sid: whether Twilio has it is unknown.';
comment on column app.messages.legal_basis is 'Why an outbound text was lawful when it was queued.';
comment on column app.messages.request_id is
  'What the owner''s form called the text: posted again, it is found by this.';
create unique index messages_twilio_sid_key on app.messages (twilio_sid);
-- One automatic answer to an inbound text, whatever is retried. (What an owner
-- writes by hand answers the conversation, not one text.)
create unique index messages_in_reply_to_key on app.messages (in_reply_to);
create index messages_lead_id_id_idx on app.messages (lead_id, id);
create index messages_business_id_id_idx on app.messages (business_id, id);
create index messages_sender_phone_attempted_at_idx
  on app.messages (sender_phone, attempted_at)
  where attempted_at is not null;
-- What waits is pending and not attempted: few rows, whatever was sent.
create index messages_waiting_idx
  on app.messages (sender_phone)
  where direction = 'outbound' and status = 'pending' and attempted_at is null;
create unique index messages_request_id_key on app.messages (lead_id, request_id)
where request_id is not null;
create trigger messages_are_noted
after insert on app.messages
for each row execute function app.note_message();
alter table app.messages
  alter column body set statistics 0;
alter table app.messages enable row level security;
create policy own on app.messages for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, business_id, lead_id, direction, author, body, media_count, masked_count, legal_basis, status,
  error_code, created_at
) on app.messages to authenticated;

create table app.area_codes (
  area_code text primary key,
  time_zones text[] not null,

  constraint area_code_form check (area_code ~ '^[2-9][0-9]{2}$'),
  constraint time_zones_are_given check (cardinality(time_zones) > 0)
);
comment on table app.area_codes is
  'Where a North American number is at home: its time zones, more than one where an area code spans a border between them.';
alter table app.area_codes enable row level security;

create table app.status_events (
  id uuid primary key default app.uuid_v7(),
  message_id uuid not null references app.messages (id),
  twilio_sid text not null,
  status text not null,
  error_code integer,
  fields jsonb not null,
  received_at timestamptz not null default app.clock(),

  constraint twilio_sid_form check (twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'),
  constraint fields_are_an_object check (jsonb_typeof(fields) = 'object')
);
comment on table app.status_events is 'Status callbacks as they came, one row each, never changed.';
comment on column app.status_events.fields is
  'The other fields that name no person, as Twilio sent them (lib''s sms_status lists which).';
create index status_events_message_id_idx on app.status_events (message_id);
alter table app.status_events
  set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.status_events enable row level security;

insert into app.stripe_listing (listed_until) values (date_trunc('second', app.clock()));

-- Assigned by NANPA and the CNA; zones as in the tz database.
insert into app.area_codes (area_code, time_zones)
select area_code, string_to_array(z.time_zones, ' ')
from (
  values
    ('America/St_Johns America/Halifax', '709 879'),
    ('America/Halifax', '782 902 428 506'),
    ('America/Toronto America/Halifax', '367 418 581'),
    ('America/Toronto',
      '226 249 263 289 343 354 365 382 416 437 438 450 468 514 519 548 579 613 647 683 705 742 753 819 873 905 942'),
    ('America/Toronto America/Winnipeg', '807'),
    ('America/Winnipeg', '204 431 584'),
    ('America/Regina', '306 474 639'),
    ('America/Edmonton', '368 403 587 780 825'),
    ('America/Vancouver America/Edmonton', '236 250 257 672 778'),
    ('America/Vancouver', '604'),
    ('America/Iqaluit America/Yellowknife America/Whitehorse', '867'),
    ('America/New_York',
      '201 202 203 207 212 215 216 220 223 227 229 231 234 239 240 248 252 260 267 269 272 276 283 301 302 304 305 '
      '313 315 317 321 324 326 329 330 332 336 339 347 351 352 363 380 386 401 404 407 410 412 413 419 434 436 440 '
      '443 445 463 470 472 475 478 484 502 508 513 516 517 518 540 551 561 567 570 571 582 585 586 603 606 607 609 '
      '610 614 616 617 624 631 640 645 646 656 667 678 679 680 681 686 689 703 704 706 716 717 718 724 727 728 732 '
      '734 740 743 754 757 762 765 770 771 772 774 781 786 802 803 804 810 813 814 821 826 828 835 838 839 843 845 '
      '848 854 856 857 859 860 862 863 864 865 878 904 908 910 912 914 917 919 929 934 937 941 943 947 948 954 959 '
      '973 978 980 984 989'),
    ('America/New_York America/Chicago', '219 270 364 423 448 574 812 850 906 930 931'),
    ('America/Chicago',
      '205 210 214 217 218 224 225 228 235 251 254 256 262 274 281 309 312 314 316 318 319 320 325 327 331 334 337 '
      '346 353 361 402 405 409 414 417 430 432 447 457 464 469 479 501 504 507 512 515 531 534 539 557 563 572 573 '
      '580 601 608 612 615 618 621 629 630 636 641 651 659 660 662 682 708 712 713 715 726 730 731 737 763 769 773 '
      '779 806 815 816 817 830 832 847 861 870 872 901 903 913 918 920 924 936 938 940 945 952 956 972 975 979 985'),
    ('America/Chicago America/Denver', '308 605 620 701 785'),
    ('America/Denver', '303 307 385 406 435 505 575 719 720 748 801 915 970 983'),
    ('America/Denver America/Los_Angeles', '208 541 986'),
    ('America/Phoenix', '480 520 602 623 928'),
    ('America/Los_Angeles',
      '206 209 213 253 279 310 323 341 350 357 360 369 408 415 424 425 442 458 503 509 510 530 559 562 564 619 626 '
      '628 650 657 661 669 702 707 714 725 747 760 775 805 818 820 831 837 840 858 909 916 925 949 951 971'),
    ('America/Anchorage America/Adak', '907'),
    ('Pacific/Honolulu', '808'),
    ('America/Puerto_Rico', '340 787 939'),
    ('Pacific/Guam', '670 671'),
    ('Pacific/Pago_Pago', '684')
) z (time_zones, area_codes),
  string_to_table(z.area_codes, ' ') area_code;

-- One row per lead who was ever texted with, beside app.leads: the newest text
-- changes with each text, and would move each of the lead's index entries along.
--
-- Only the trigger below, what suppresses a number and what lifts that write it,
-- all under the lead's lock: so nobody waits for a row of it who does not wait for
-- the lead first.
create table app.conversations (
  lead_id uuid primary key references app.leads (id) on delete cascade,
  business_id uuid not null,
  -- No foreign key: this follows from the messages, and those go first.
  last_message_id uuid not null,
  is_unanswered boolean not null,
  suppressed_at timestamptz
);
comment on table app.conversations is
  'The newest text of each conversation. Follows from the messages, and goes with the lead.';
comment on column app.conversations.is_unanswered is
  'Whether the newest text is the lead''s, and may be answered.';
comment on column app.conversations.suppressed_at is
  'Since when the lead must not be texted: for the list of those. The gate asks app.suppressions.';
create index conversations_newest_idx on app.conversations (business_id, last_message_id);
create index conversations_unanswered_idx on app.conversations (business_id, last_message_id)
where is_unanswered;
create index conversations_suppressed_idx on app.conversations (business_id, suppressed_at, lead_id)
where suppressed_at is not null;
alter table app.conversations enable row level security;
create policy own on app.conversations for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (lead_id, business_id, last_message_id, is_unanswered, suppressed_at)
on app.conversations to authenticated;

create table app.jobs (
  id uuid primary key default app.uuid_v7(),
  kind text not null,
  message_id uuid not null references app.messages (id),
  state text not null default 'open',
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,
  fencing_token bigint not null default 0,
  outcome text,
  created_at timestamptz not null default app.clock(),
  finished_at timestamptz,

  constraint jobs_kind_message_id_key unique (kind, message_id),
  constraint state_is_known check (state in ('open', 'done', 'dead')),
  constraint finished_when_not_open check ((state = 'open') = (finished_at is null)),
  constraint kind_is_known check (kind in ('reply', 'send', 'redact', 'media'))
);
comment on table app.jobs is
  'Obligations. Whoever finds one open and due may claim it; it is done when a row says so.';
comment on column app.jobs.message_id is
  'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';
comment on column app.jobs.run_at is
  'From when the job may be claimed. Claiming moves it to the end of the lease.';
comment on column app.jobs.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
create index jobs_due_idx on app.jobs (run_at) where state = 'open';
create index jobs_message_id_idx on app.jobs (message_id);
create index jobs_dead_idx on app.jobs (id) where state = 'dead';
alter table app.jobs
  set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.jobs enable row level security;

create table app.media (
  message_id uuid not null references app.messages (id),
  position smallint not null,
  business_id uuid not null references app.businesses (id),
  twilio_sid text not null,
  told_type text,
  state text not null default 'pending',
  refusal text,
  found_type text,
  byte_count integer,
  sha256 bytea,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || message_id::text || '/' || position::text
  ) stored,
  created_at timestamptz not null default app.clock(),
  settled_at timestamptz,
  removed_at timestamptz,

  constraint media_pkey primary key (message_id, position),
  constraint position_is_bounded check (position between 0 and 9),
  constraint twilio_sid_form check (twilio_sid ~ '^ME[0-9a-f]{32}$'),
  constraint told_type_is_short check (char_length(told_type) <= 100),
  constraint state_is_known check (state in ('pending', 'stored', 'refused')),
  constraint refusal_is_known check (refusal in ('type', 'too_large', 'gone', 'unavailable')),
  constraint refused_has_a_reason check ((state = 'refused') = (refusal is not null)),
  constraint stored_is_described check (
    num_nonnulls(found_type, byte_count, sha256) = case state when 'stored' then 3 else 0 end
  ),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint settled_when_not_pending check ((state = 'pending') = (settled_at is null)),
  constraint removed_only_when_settled check (removed_at is null or state <> 'pending')
);
comment on table app.media is
  'Pictures and the like that came with texts: what became of each, in our bucket and at Twilio.';
comment on column app.media.told_type is 'The content type Twilio told. Decides nothing.';
comment on column app.media.found_type is 'The content type its bytes have.';
comment on column app.media.storage_path is
  'Where it is in the bucket media, if it is: business, message, position. Whoever erases a message finds its objects by it.';
comment on column app.media.removed_at is 'Since when Twilio does not have it any more.';
create index media_business_id_idx on app.media (business_id);
alter table app.media enable row level security;
create policy own on app.media for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  message_id, position, business_id, state, found_type, byte_count, storage_path
) on app.media to authenticated;

reset check_function_bodies;
