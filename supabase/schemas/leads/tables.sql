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
