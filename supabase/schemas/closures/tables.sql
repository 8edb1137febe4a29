create table app.object_deletions (
  bucket text not null,
  path text not null,
  created_at timestamptz not null default app.clock(),
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,

  constraint object_deletions_pkey primary key (bucket, path)
);
comment on table app.object_deletions is
  'Objects in Storage that are to be deleted: what they belonged to is gone already.';
comment on column app.object_deletions.run_at is
  'From when it is to be tried: one that Storage refuses keeps no other back.';
create index object_deletions_created_at_idx on app.object_deletions (created_at);
create index object_deletions_due_idx on app.object_deletions (run_at);
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
  'Accounts closed and being closed. An open one has a job, until its certificate is written.';
comment on column app.closures.owner_id is
  'Who asked, so that asking again finds it. Null once nothing is left to be restored.';
comment on column app.closures.ends_owner is
  'Whether it was the owner''s last shop, so that the owner''s sign-in goes too.';
comment on column app.closures.step is 'What is to be done next, in the order of app.closure_steps().';
comment on column app.closures.purge_at is 'When the sealed backup is destroyed: 90 days after it was asked for.';
comment on column app.closures.erased is 'What was erased so far: how many of each.';
comment on column app.closures.wrapped_key is
  'The key of the sealed backup, wrapped by the key of settings that key_id names. Without it nobody reads the backup.';
comment on column app.closures.counts is 'How many rows of each table are in the sealed backup.';
comment on column app.closures.restored_at is
  'When an operator brought the account back. The backup is destroyed all the same.';
comment on column app.closures.certificate is 'What is left: canonical JSON (docs/closure.md).';
create unique index closures_business_id_key on app.closures (business_id) where restored_at is null;
create index closures_owner_id_idx on app.closures (owner_id);
create index closures_open_idx on app.closures (requested_at) where state = 'open';
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
