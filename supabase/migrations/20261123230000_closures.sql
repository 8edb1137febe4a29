-- Closing an account: what was asked for, how far it is, and what is still owed
-- to people whose texts Twilio has.
--
-- A row of app.closures outlives everything it is about. It refers to nothing
-- and names nobody: ids, counts, dates and hashes.

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

-- A number stays ours when its shop has gone. Suppressions are by number, so who
-- opted out of its texts has opted out of those of the next shop that has it.
alter table app.sender_numbers alter column business_id drop not null;
comment on column app.sender_numbers.business_id is
  'The shop that has it; null for a number that nobody has at the moment.';

-- The trail outlives the shop. It names nobody.
alter table app.audit_events drop constraint audit_events_business_id_fkey;

alter table app.exports
  drop constraint state_is_known,
  add constraint state_is_known
    check (state in ('unconfirmed', 'open', 'ready', 'expired', 'cancelled'));

-- Whoever writes an export, and whatever session was checked: a shop that is
-- being closed gives nothing away any more.
create function app.refuse_export_of_closing()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from app.businesses where id = new.business_id and state = 'active') then
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  end if;
  return new;
end;
$$;
comment on function app.refuse_export_of_closing() is
  'Trigger of app.exports: only of a shop that is active is anything exported.';
create trigger exports_are_of_active_shops
before insert on app.exports
for each row execute function app.refuse_export_of_closing();

-- Evidence goes with its account, and only then: sealed, and later destroyed with
-- the seal.
create function app.refuse_loss_of_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select
    from app.closures
    where business_id = old.business_id
      and state = 'open'
      and step in ('rows', 'key')
      and restored_at is null
  ) then
    raise exception 'rows of %.% are never deleted', tg_table_schema, tg_table_name;
  end if;
  return old;
end;
$$;
comment on function app.refuse_loss_of_evidence() is
  'Trigger of app.consent_events: only the closure of a sealed account deletes evidence.';
drop trigger consent_events_are_never_deleted on app.consent_events;
create trigger consent_events_are_never_deleted
before delete on app.consent_events
for each row execute function app.refuse_loss_of_evidence();
create trigger consent_events_are_never_truncated
before truncate on app.consent_events
for each statement execute function app.refuse_change();

create function app.closure_steps()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    -- Nothing is paid any more.
    'billing',
    -- Texts and pictures that were under way are known.
    'settle',
    'seal',
    -- From here on the account exists in the sealed backup only.
    -- Who owns files cannot be erased: those go first.
    'rows', 'files', 'owner', 'twilio',
    -- These wait for the purge date.
    'key', 'object', 'certificate'
  ];
$$;
comment on function app.closure_steps() is 'The steps of a closure, in their order.';

create function app.closure_lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '15 minutes';
$$;
comment on function app.closure_lease() is
  'How long a closure belongs to its holder after a call; longer than the longest step, the seal.';

create function app.backup_lifetime()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '90 days';
$$;
comment on function app.backup_lifetime() is
  'How long the sealed backup of a closed account is kept: what we promise.';
