-- The tables a text passes through, from the lead's phone and back to it.
--
-- Left out on purpose: subscriptions, exports, closures and incidents come with
-- the flows that fill them. No table has a policy yet: with row level security
-- on, the API roles see nothing even if a table is granted to them by mistake.

create domain app.e164 as text
  constraint e164_form check (value ~ '^\+[1-9][0-9]{1,14}$');
comment on domain app.e164 is 'A phone number as ITU-T E.164 writes it: + and up to 15 digits.';

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
create index businesses_owner_id_idx on app.businesses (owner_id);

create table app.sender_numbers (
  phone app.e164 primary key,
  business_id uuid not null references app.businesses (id),
  created_at timestamptz not null default app.clock()
);
comment on table app.sender_numbers is 'The Twilio numbers a shop is texted at and texts from.';
create index sender_numbers_business_id_idx on app.sender_numbers (business_id);

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

  constraint leads_business_id_phone_key unique (business_id, phone),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint language_is_known check (language in ('en', 'fr')),
  constraint needs_owner_has_both
    check ((needs_owner_since is null) = (needs_owner_reason is null)),
  constraint needs_owner_reason_is_known check (
    needs_owner_reason in (
      'assistant_unsure', 'assistant_unavailable', 'cap', 'send_failed', 'opted_out_in_words'
    )
  )
);
comment on table app.leads is 'The people who text a shop, one row per shop and phone number.';
comment on column app.leads.phone_hmac is
  'HMAC-SHA-256 of the phone number under SUPPRESSION_KEY: how app.suppressions knows it.';
comment on column app.leads.needs_owner_since is
  'Since when the lead waits for the owner; null when nothing is waiting.';

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
create unique index messages_twilio_sid_key on app.messages (twilio_sid);
-- One automatic answer to an inbound text, whatever is retried. (What an owner
-- writes by hand answers the conversation, not one text.)
create unique index messages_in_reply_to_key on app.messages (in_reply_to);
create index messages_lead_id_id_idx on app.messages (lead_id, id);
create index messages_business_id_id_idx on app.messages (business_id, id);

create table app.consent_events (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  lead_id uuid not null references app.leads (id),
  message_id uuid references app.messages (id),
  change text not null,
  basis text,
  source text not null,
  rule text,
  wording text,
  at timestamptz not null default app.clock(),
  expires_at timestamptz,

  constraint change_is_known check (change in ('granted', 'withdrawn')),
  constraint granted_has_a_basis check ((change = 'granted') = (basis is not null)),
  constraint basis_is_known check (basis in ('implied_inquiry', 'implied_purchase', 'express')),
  constraint source_is_known check (source in ('text', 'provider'))
);
comment on table app.consent_events is
  'Append-only evidence of consent: what the lead said or did, when, through what.';
comment on column app.consent_events.rule is
  'What made us take the wording for a wish, by the name lib has for it: the owner can see why.';
create index consent_events_business_id_idx on app.consent_events (business_id);
create index consent_events_lead_id_id_idx on app.consent_events (lead_id, id);
create index consent_events_message_id_idx on app.consent_events (message_id);

-- Evidence is added to, never changed. (Erasure of a lead comes with its own
-- function, which says what it keeps.)
create function app.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
end;
$$;
comment on function app.refuse_change() is 'Trigger of append-only tables.';

create trigger consent_events_are_never_changed
before update or delete or truncate on app.consent_events
for each statement execute function app.refuse_change();

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
  constraint kind_is_known check (kind in ('reply', 'send', 'redact')),
  constraint state_is_known check (state in ('open', 'done', 'dead')),
  constraint finished_when_not_open check ((state = 'open') = (finished_at is null))
);
comment on table app.jobs is
  'Obligations. Whoever finds one open and due may claim it; it is done when a row says so.';
comment on column app.jobs.message_id is 'The text to answer (reply), to send (send), or to empty at Twilio (redact).';
comment on column app.jobs.run_at is
  'From when the job may be claimed. Claiming moves it to the end of the lease.';
comment on column app.jobs.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
create index jobs_due_idx on app.jobs (run_at) where state = 'open';
create index jobs_message_id_idx on app.jobs (message_id);

create table app.audit_events (
  id uuid primary key default app.uuid_v7(),
  business_id uuid references app.businesses (id),
  actor text not null,
  action text not null,
  subject_id uuid,
  at timestamptz not null default app.clock(),

  constraint actor_is_known check (actor in ('lead', 'owner', 'operator', 'system', 'provider'))
);
comment on table app.audit_events is 'Who did what to which account, without personal data.';
create index audit_events_business_id_idx on app.audit_events (business_id);

create trigger audit_events_are_never_changed
before update or delete or truncate on app.audit_events
for each statement execute function app.refuse_change();

alter table app.businesses enable row level security;
alter table app.sender_numbers enable row level security;
alter table app.leads enable row level security;
alter table app.messages enable row level security;
alter table app.consent_events enable row level security;
alter table app.suppressions enable row level security;
alter table app.webhook_events enable row level security;
alter table app.jobs enable row level security;
alter table app.audit_events enable row level security;
