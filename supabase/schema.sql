-- The schema after all migrations. Generated; not run by anything.

create schema app;
comment on schema app is 'Tables and the rules that guard them. Not exposed by PostgREST; reached through functions in public.';
grant usage on schema app to authenticated;

create domain app.e164 as text
  constraint e164_form CHECK ((VALUE ~ '^\+[1-9][0-9]{1,14}$'::text));
comment on domain app.e164 is 'A phone number as ITU-T E.164 writes it: + and up to 15 digits.';

create type app.gate_answer as (
  legal_basis text,
  refusal text,
  retry_at timestamp with time zone
);

create table app.area_codes (
  area_code text not null,
  time_zones text[] not null,
  constraint area_codes_pkey PRIMARY KEY (area_code),
  constraint area_code_form CHECK ((area_code ~ '^[2-9][0-9]{2}$'::text)),
  constraint time_zones_are_given CHECK ((cardinality(time_zones) > 0))
);
comment on table app.area_codes is 'Where a North American number is at home: its time zones, more than one where an area code spans a border between them.';
alter table app.area_codes enable row level security;

create table app.audit_events (
  id uuid default app.uuid_v7() not null,
  business_id uuid,
  actor text not null,
  action text not null,
  subject_id uuid,
  at timestamp with time zone default app.clock() not null,
  constraint audit_events_pkey PRIMARY KEY (id),
  constraint actor_is_known CHECK ((actor = ANY (ARRAY['lead'::text, 'owner'::text, 'operator'::text, 'system'::text, 'provider'::text])))
);
comment on table app.audit_events is 'Who did what to which account, without personal data.';
CREATE INDEX audit_events_action_at_idx ON app.audit_events USING btree (action, at);
CREATE INDEX audit_events_business_id_id_idx ON app.audit_events USING btree (business_id, id);
CREATE TRIGGER audit_events_are_never_changed BEFORE UPDATE OR TRUNCATE ON app.audit_events FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER audit_events_stay BEFORE DELETE ON app.audit_events FOR EACH ROW EXECUTE FUNCTION app.refuse_early_deletion('at', '5 years');
alter table app.audit_events enable row level security;
create policy own on app.audit_events for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, business_id, actor, action, subject_id, at) on table app.audit_events to authenticated;

create table app.backup_chunks (
  snapshot_id uuid not null,
  number integer not null,
  business_id uuid not null,
  file text not null,
  rows integer not null,
  lines text not null,
  constraint backup_chunks_pkey PRIMARY KEY (snapshot_id, number),
  constraint backup_chunks_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id) ON DELETE CASCADE
);
comment on table app.backup_chunks is 'The rows of an account as lines of JSON, all of one moment, for as long as a backup is made of them.';
CREATE INDEX backup_chunks_business_id_idx ON app.backup_chunks USING btree (business_id);
alter table app.backup_chunks alter column lines set statistics 0;
alter table app.backup_chunks enable row level security;

create table app.businesses (
  id uuid default app.uuid_v7() not null,
  owner_id uuid not null,
  name text not null,
  mailing_address text not null,
  contact_email text,
  contact_phone app.e164,
  website text,
  time_zone text default 'America/Toronto'::text not null,
  language text default 'en'::text not null,
  about text default ''::text not null,
  instructions text default ''::text not null,
  state text default 'active'::text not null,
  created_at timestamp with time zone default app.clock() not null,
  updated_at timestamp with time zone default app.clock() not null,
  version integer default 1 not null,
  constraint businesses_pkey PRIMARY KEY (id),
  constraint businesses_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES auth.users(id),
  constraint about_is_bounded CHECK ((char_length(about) <= 8000)),
  constraint contact_is_given CHECK ((num_nonnulls(contact_email, contact_phone, website) > 0)),
  constraint instructions_are_bounded CHECK ((char_length(instructions) <= 4000)),
  constraint language_is_known CHECK ((language = ANY (ARRAY['en'::text, 'fr'::text]))),
  constraint mailing_address_is_given CHECK (((char_length(mailing_address) >= 1) AND (char_length(mailing_address) <= 300))),
  constraint name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 60))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'closing'::text, 'closed'::text]))),
  constraint website_is_a_url CHECK ((website ~ '^https://[^[:space:]]{1,200}$'::text))
);
comment on table app.businesses is 'The shops: who owns them and what the assistant may say for them.';
comment on column app.businesses.mailing_address is 'Canada''s anti-spam law wants it within reach of every message (SOR/2012-36, s. 2).';
comment on column app.businesses.about is 'What customers may be told: hours, services, prices. The assistant knows nothing else.';
comment on column app.businesses.instructions is 'How the owner wants the assistant to talk.';
comment on column app.businesses.version is 'Counts changes of the profile. One that names another version was begun before the last.';
CREATE INDEX businesses_owner_id_idx ON app.businesses USING btree (owner_id);
alter table app.businesses alter column name set statistics 0;
alter table app.businesses alter column mailing_address set statistics 0;
alter table app.businesses alter column contact_email set statistics 0;
alter table app.businesses alter column contact_phone set statistics 0;
alter table app.businesses alter column website set statistics 0;
alter table app.businesses alter column about set statistics 0;
alter table app.businesses alter column instructions set statistics 0;
alter table app.businesses enable row level security;
create policy own on app.businesses for select to authenticated using ((id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language, about, instructions, state, created_at, updated_at, version) on table app.businesses to authenticated;

create table app.closure_receipts (
  closure_id uuid not null,
  step text not null,
  at timestamp with time zone default app.clock() not null,
  detail jsonb not null,
  constraint closure_receipts_pkey PRIMARY KEY (closure_id, step),
  constraint closure_receipts_closure_id_fkey FOREIGN KEY (closure_id) REFERENCES app.closures(id),
  constraint detail_is_an_object CHECK ((jsonb_typeof(detail) = 'object'::text))
);
comment on table app.closure_receipts is 'What was done for a closure: a row for each step, written by the transaction that ends the step, never changed.';
CREATE TRIGGER closure_receipts_are_never_changed BEFORE DELETE OR UPDATE OR TRUNCATE ON app.closure_receipts FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
alter table app.closure_receipts enable row level security;

create table app.closures (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  owner_id uuid,
  ends_owner boolean not null,
  state text default 'open'::text not null,
  step text default 'billing'::text not null,
  requested_at timestamp with time zone default app.clock() not null,
  purge_at timestamp with time zone not null,
  run_at timestamp with time zone default app.clock() not null,
  fencing_token bigint default 0 not null,
  faults integer default 0 not null,
  last_fault text,
  erased jsonb default '{}'::jsonb not null,
  key_id text,
  wrapped_key bytea,
  storage_path text,
  byte_count bigint,
  sha256 bytea,
  counts jsonb,
  sealed_at timestamp with time zone,
  restored_at timestamp with time zone,
  certificate text,
  finished_at timestamp with time zone,
  constraint closures_pkey PRIMARY KEY (id),
  constraint done_is_certified CHECK ((((state = 'done'::text) = (certificate IS NOT NULL)) AND ((state = 'done'::text) = (finished_at IS NOT NULL)))),
  constraint done_keeps_no_key CHECK (((state = 'open'::text) OR (wrapped_key IS NULL))),
  constraint fault_is_short CHECK ((char_length(last_fault) <= 100)),
  constraint nothing_is_erased_unsealed CHECK (((sealed_at IS NOT NULL) OR (step = ANY (ARRAY['billing'::text, 'settle'::text, 'seal'::text])))),
  constraint only_a_seal_has_a_key CHECK (((wrapped_key IS NULL) OR (sealed_at IS NOT NULL))),
  constraint seal_is_whole CHECK ((num_nonnulls(key_id, storage_path, byte_count, sha256, counts, sealed_at) = ANY (ARRAY[0, 6]))),
  constraint sha256_is_one CHECK ((octet_length(sha256) = 32)),
  constraint state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'done'::text]))),
  constraint step_is_known CHECK ((step = ANY (ARRAY['billing'::text, 'settle'::text, 'seal'::text, 'rows'::text, 'files'::text, 'owner'::text, 'twilio'::text, 'key'::text, 'object'::text, 'certificate'::text])))
);
comment on table app.closures is 'Accounts closed and being closed. An open one is an obligation: whoever finds it due may claim it, until its certificate is written.';
comment on column app.closures.owner_id is 'Who asked, so that asking again finds it. Null once nothing is left to be restored.';
comment on column app.closures.ends_owner is 'Whether it was the owner''s last shop, so that the owner''s sign-in goes too.';
comment on column app.closures.step is 'What is to be done next, in the order of app.closure_steps().';
comment on column app.closures.purge_at is 'When the sealed backup is destroyed: 90 days after it was asked for.';
comment on column app.closures.run_at is 'From when it may be claimed. Claiming, and each call of its holder, moves it to the end of the lease.';
comment on column app.closures.fencing_token is 'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.closures.faults is 'How often the step has failed in a row.';
comment on column app.closures.erased is 'What was erased so far: how many of each.';
comment on column app.closures.wrapped_key is 'The key of the sealed backup, wrapped by the key of settings that key_id names. Without it nobody reads the backup.';
comment on column app.closures.counts is 'How many rows of each table are in the sealed backup.';
comment on column app.closures.restored_at is 'When an operator brought the account back. The backup is destroyed all the same.';
comment on column app.closures.certificate is 'What is left: canonical JSON (docs/closure.md).';
CREATE UNIQUE INDEX closures_business_id_key ON app.closures USING btree (business_id) WHERE (restored_at IS NULL);
CREATE INDEX closures_due_idx ON app.closures USING btree (run_at) WHERE (state = 'open'::text);
CREATE INDEX closures_owner_id_idx ON app.closures USING btree (owner_id);
alter table app.closures enable row level security;

create table app.consent_events (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  lead_id uuid not null,
  message_id uuid,
  change text not null,
  basis text,
  source text not null,
  rule text,
  wording text,
  at timestamp with time zone default app.clock() not null,
  expires_at timestamp with time zone,
  phone_hmac bytea not null,
  sequence integer not null,
  wording_salt bytea,
  wording_digest bytea,
  previous_hash bytea not null,
  hash bytea not null,
  constraint consent_events_pkey PRIMARY KEY (id),
  constraint consent_events_chain_key UNIQUE (business_id, phone_hmac, sequence),
  constraint basis_is_known CHECK ((basis = ANY (ARRAY['implied_inquiry'::text, 'implied_purchase'::text, 'express'::text]))),
  constraint change_is_known CHECK ((change = ANY (ARRAY['granted'::text, 'withdrawn'::text]))),
  constraint expiry_fits_basis CHECK (((expires_at IS NULL) = ((basis IS NULL) OR (basis = 'express'::text)))),
  constraint granted_has_a_basis CHECK (((change = 'granted'::text) = (basis IS NOT NULL))),
  constraint hash_is_sha256 CHECK ((octet_length(hash) = 32)),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32)),
  constraint rule_is_one_line CHECK ((rule !~ '[\n\r]'::text)),
  constraint source_is_known CHECK ((source = ANY (ARRAY['text'::text, 'provider'::text, 'owner'::text]))),
  constraint wording_has_salt_and_digest CHECK ((((wording IS NULL) OR (wording_digest IS NOT NULL)) AND ((wording IS NULL) = (wording_salt IS NULL))))
);
comment on table app.consent_events is 'Append-only evidence of consent: what the lead said or did, when, through what.';
comment on column app.consent_events.rule is 'What made us take the wording for a wish, by the name lib has for it: the owner can see why.';
comment on column app.consent_events.sequence is 'The place in its chain, from 1.';
comment on column app.consent_events.wording_digest is 'SHA-256 of salt and wording. The chain covers it, so the wording can be erased and the chain stays whole.';
comment on column app.consent_events.hash is 'What app.consent_hash says of the row; the next row holds it too.';
CREATE INDEX consent_events_lead_id_id_idx ON app.consent_events USING btree (lead_id, id);
CREATE TRIGGER consent_events_are_never_changed BEFORE UPDATE ON app.consent_events FOR EACH ROW EXECUTE FUNCTION app.refuse_change_of_evidence();
CREATE TRIGGER consent_events_are_never_truncated BEFORE TRUNCATE ON app.consent_events FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER consent_events_go_with_their_chain BEFORE DELETE ON app.consent_events FOR EACH ROW WHEN ((NOT app.is_being_erased(old.business_id))) EXECUTE FUNCTION app.refuse_gap_in_evidence();
alter table app.consent_events alter column wording set statistics 0;
alter table app.consent_events alter column wording_salt set statistics 0;
alter table app.consent_events enable row level security;
create policy own on app.consent_events for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (business_id, lead_id, change, basis, source, rule, wording, at, expires_at, phone_hmac, sequence) on table app.consent_events to authenticated;

create table app.consent_ledgers (
  business_id uuid not null,
  phone_hmac bytea not null,
  length integer not null,
  head bytea not null,
  express_since timestamp with time zone,
  inquiry_until timestamp with time zone,
  purchase_until timestamp with time zone,
  orphaned_at timestamp with time zone,
  constraint consent_ledgers_pkey PRIMARY KEY (business_id, phone_hmac),
  constraint head_is_sha256 CHECK ((octet_length(head) = 32)),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32))
);
comment on table app.consent_ledgers is 'What the evidence of one shop and phone number amounts to, and where its chain ends. The gate reads this row only.';
comment on column app.consent_ledgers.express_since is 'Since when consent is express; it has no end but a withdrawal.';
comment on column app.consent_ledgers.inquiry_until is 'The end of what an inquiry implies: 6 months (CASL, s. 10(10)(e)).';
comment on column app.consent_ledgers.purchase_until is 'The end of what a purchase implies: 2 years (CASL, s. 10(10)(a)).';
comment on column app.consent_ledgers.orphaned_at is 'Since when there is no such lead; it may have come back since.';
CREATE INDEX consent_ledgers_orphaned_at_idx ON app.consent_ledgers USING btree (orphaned_at) WHERE (orphaned_at IS NOT NULL);
CREATE TRIGGER consent_ledgers_are_never_truncated BEFORE TRUNCATE ON app.consent_ledgers FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
CREATE TRIGGER consent_ledgers_stay BEFORE DELETE ON app.consent_ledgers FOR EACH ROW WHEN ((NOT app.is_being_erased(old.business_id))) EXECUTE FUNCTION app.refuse_early_deletion('orphaned_at', '3 years');
CREATE TRIGGER consent_ledgers_take_their_chain AFTER DELETE ON app.consent_ledgers REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION app.delete_chain();
alter table app.consent_ledgers enable row level security;
create policy own on app.consent_ledgers for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (business_id, phone_hmac, length, express_since, inquiry_until, purchase_until) on table app.consent_ledgers to authenticated;

create table app.conversations (
  lead_id uuid not null,
  business_id uuid not null,
  last_message_id uuid not null,
  is_unanswered boolean not null,
  suppressed_at timestamp with time zone,
  constraint conversations_pkey PRIMARY KEY (lead_id),
  constraint conversations_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES app.leads(id) ON DELETE CASCADE
);
comment on table app.conversations is 'The newest text of each conversation. Follows from the messages, and goes with the lead.';
comment on column app.conversations.is_unanswered is 'Whether the newest text is the lead''s, and may be answered.';
comment on column app.conversations.suppressed_at is 'Since when the lead must not be texted: for the list of those. The gate asks app.suppressions.';
CREATE INDEX conversations_newest_idx ON app.conversations USING btree (business_id, last_message_id);
CREATE INDEX conversations_suppressed_idx ON app.conversations USING btree (business_id, suppressed_at, lead_id) WHERE (suppressed_at IS NOT NULL);
CREATE INDEX conversations_unanswered_idx ON app.conversations USING btree (business_id, last_message_id) WHERE is_unanswered;
alter table app.conversations enable row level security;
create policy own on app.conversations for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (lead_id, business_id, last_message_id, is_unanswered, suppressed_at) on table app.conversations to authenticated;

create table app.erased_leads (
  closure_id uuid not null,
  phone_hmac bytea not null,
  at timestamp with time zone default app.clock() not null,
  constraint erased_leads_pkey PRIMARY KEY (closure_id, phone_hmac),
  constraint erased_leads_closure_id_fkey FOREIGN KEY (closure_id) REFERENCES app.closures(id),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32))
);
comment on table app.erased_leads is 'People who asked to be erased while they were in a sealed backup: no restore brings them back. Names no person.';
alter table app.erased_leads enable row level security;

create table app.export_chunks (
  export_id uuid not null,
  number integer not null,
  file text not null,
  rows integer not null,
  rows_before bigint not null,
  lines text not null,
  constraint export_chunks_pkey PRIMARY KEY (export_id, number),
  constraint export_chunks_export_id_fkey FOREIGN KEY (export_id) REFERENCES app.exports(id) ON DELETE CASCADE
);
comment on table app.export_chunks is 'The rows of an export as lines of JSON, a few hundred in each chunk: all of one moment.';
alter table app.export_chunks alter column lines set statistics 0;
alter table app.export_chunks enable row level security;

create table app.exports (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  format text not null,
  state text default 'open'::text not null,
  requested_by text not null,
  requested_at timestamp with time zone default app.clock() not null,
  due_on date not null,
  due_at timestamp with time zone not null,
  run_at timestamp with time zone default app.clock() not null,
  attempts integer default 0 not null,
  fencing_token bigint default 0 not null,
  last_fault text,
  snapshot text,
  snapshot_at timestamp with time zone,
  counts jsonb,
  chunk_count integer,
  rows_total bigint,
  rows_done bigint default 0 not null,
  byte_count bigint,
  sha256 bytea,
  finished_at timestamp with time zone,
  expires_at timestamp with time zone,
  storage_path text generated always as (((((business_id)::text || '/'::text) || (id)::text) || '.zip'::text)) stored not null,
  constraint exports_pkey PRIMARY KEY (id),
  constraint exports_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint fault_is_short CHECK ((char_length(last_fault) <= 100)),
  constraint finished_is_described CHECK ((num_nonnulls(byte_count, sha256, finished_at, expires_at) =
CASE
    WHEN (state = ANY (ARRAY['ready'::text, 'expired'::text])) THEN 4
    ELSE 0
END)),
  constraint format_is_known CHECK ((format = ANY (ARRAY['json'::text, 'csv'::text]))),
  constraint requested_by_is_known CHECK ((requested_by = ANY (ARRAY['owner'::text, 'operator'::text]))),
  constraint sha256_is_one CHECK ((octet_length(sha256) = 32)),
  constraint snapshot_is_whole CHECK ((num_nonnulls(snapshot, snapshot_at, counts, chunk_count, rows_total) = ANY (ARRAY[0, 5]))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['unconfirmed'::text, 'open'::text, 'ready'::text, 'expired'::text, 'cancelled'::text])))
);
comment on table app.exports is 'Exports asked for. An open one is an obligation: whoever finds it due may claim it, until it is ready.';
comment on column app.exports.state is 'unconfirmed: asked for by other means, and nothing happens until the owner asks too.';
comment on column app.exports.run_at is 'From when it may be claimed. Claiming, and each step, moves it to the end of the lease.';
comment on column app.exports.fencing_token is 'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.exports.snapshot is 'The moment the rows are of, as pg_current_snapshot has it.';
comment on column app.exports.counts is 'How many rows each file has.';
comment on column app.exports.storage_path is 'Where the bundle is in the bucket exports, if it is.';
CREATE INDEX exports_business_id_idx ON app.exports USING btree (business_id);
CREATE INDEX exports_due_idx ON app.exports USING btree (run_at) WHERE (state = 'open'::text);
CREATE INDEX exports_expired_idx ON app.exports USING btree (expires_at) WHERE (state = 'expired'::text);
CREATE INDEX exports_expiry_idx ON app.exports USING btree (expires_at) WHERE (state = 'ready'::text);
CREATE UNIQUE INDEX exports_under_way_key ON app.exports USING btree (business_id, format) WHERE (state = ANY (ARRAY['unconfirmed'::text, 'open'::text]));
CREATE TRIGGER exports_are_of_active_shops BEFORE INSERT ON app.exports FOR EACH ROW EXECUTE FUNCTION app.refuse_export_of_closing();
alter table app.exports enable row level security;
create policy own on app.exports for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, business_id, format, state, requested_at, due_on, snapshot_at, rows_total, rows_done, byte_count, sha256, expires_at) on table app.exports to authenticated;

create table app.jobs (
  id uuid default app.uuid_v7() not null,
  kind text not null,
  message_id uuid not null,
  state text default 'open'::text not null,
  run_at timestamp with time zone default app.clock() not null,
  attempts integer default 0 not null,
  fencing_token bigint default 0 not null,
  outcome text,
  created_at timestamp with time zone default app.clock() not null,
  finished_at timestamp with time zone,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_kind_message_id_key UNIQUE (kind, message_id),
  constraint jobs_message_id_fkey FOREIGN KEY (message_id) REFERENCES app.messages(id),
  constraint finished_when_not_open CHECK (((state = 'open'::text) = (finished_at IS NULL))),
  constraint kind_is_known CHECK ((kind = ANY (ARRAY['reply'::text, 'send'::text, 'redact'::text, 'media'::text]))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'dead'::text])))
);
comment on table app.jobs is 'Obligations. Whoever finds one open and due may claim it; it is done when a row says so.';
comment on column app.jobs.message_id is 'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';
comment on column app.jobs.run_at is 'From when the job may be claimed. Claiming moves it to the end of the lease.';
comment on column app.jobs.fencing_token is 'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
CREATE INDEX jobs_dead_idx ON app.jobs USING btree (id) WHERE (state = 'dead'::text);
CREATE INDEX jobs_due_idx ON app.jobs USING btree (run_at) WHERE (state = 'open'::text);
CREATE INDEX jobs_message_id_idx ON app.jobs USING btree (message_id);
alter table app.jobs set (autovacuum_vacuum_scale_factor=0.02);
alter table app.jobs enable row level security;

create table app.leads (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  phone app.e164 not null,
  phone_hmac bytea not null,
  name text,
  email text,
  notes text,
  language text,
  needs_owner_since timestamp with time zone,
  needs_owner_reason text,
  created_at timestamp with time zone default app.clock() not null,
  last_inbound_at timestamp with time zone,
  version integer default 1 not null,
  name_key text generated always as (lower(name)) stored,
  taken_over_at timestamp with time zone,
  constraint leads_pkey PRIMARY KEY (id),
  constraint leads_business_id_phone_key UNIQUE (business_id, phone),
  constraint leads_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint email_is_short CHECK (((char_length(email) >= 3) AND (char_length(email) <= 254))),
  constraint language_is_known CHECK ((language = ANY (ARRAY['en'::text, 'fr'::text]))),
  constraint name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 120))),
  constraint needs_owner_has_both CHECK (((needs_owner_since IS NULL) = (needs_owner_reason IS NULL))),
  constraint needs_owner_reason_is_known CHECK ((needs_owner_reason = ANY (ARRAY['assistant_unsure'::text, 'assistant_unavailable'::text, 'cap'::text, 'send_failed'::text, 'opted_out_in_words'::text, 'billing'::text, 'taken_over'::text]))),
  constraint notes_are_bounded CHECK (((char_length(notes) >= 1) AND (char_length(notes) <= 4000))),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32))
);
comment on table app.leads is 'The people who text a shop, one row per shop and phone number.';
comment on column app.leads.phone_hmac is 'HMAC-SHA-256 of the phone number under SUPPRESSION_KEY: how app.suppressions knows it.';
comment on column app.leads.needs_owner_since is 'Since when the lead waits for the owner; null when nothing is waiting.';
comment on column app.leads.version is 'Counts corrections. One that names another version was begun before the last.';
comment on column app.leads.name_key is 'The name, as it is searched for.';
comment on column app.leads.taken_over_at is 'Since when the owner answers instead of the assistant; null when the assistant does.';
CREATE INDEX leads_business_id_id_idx ON app.leads USING btree (business_id, id);
CREATE INDEX leads_business_id_name_key_idx ON app.leads USING btree (business_id, name_key, id) WHERE (name_key IS NOT NULL);
CREATE INDEX leads_business_id_phone_hmac_idx ON app.leads USING btree (business_id, phone_hmac);
CREATE INDEX leads_waiting_idx ON app.leads USING btree (business_id, needs_owner_since, id) WHERE (needs_owner_since IS NOT NULL);
CREATE TRIGGER leads_leave_their_consent AFTER DELETE ON app.leads REFERENCING OLD TABLE AS erased FOR EACH STATEMENT EXECUTE FUNCTION app.note_orphaned_consent();
alter table app.leads alter column phone set statistics 0;
alter table app.leads alter column name set statistics 0;
alter table app.leads alter column email set statistics 0;
alter table app.leads alter column notes set statistics 0;
alter table app.leads alter column name_key set statistics 0;
alter table app.leads enable row level security;
create policy own on app.leads for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, business_id, phone, phone_hmac, name, email, notes, language, needs_owner_since, needs_owner_reason, created_at, last_inbound_at, version, name_key, taken_over_at) on table app.leads to authenticated;

create table app.media (
  message_id uuid not null,
  "position" smallint not null,
  business_id uuid not null,
  twilio_sid text not null,
  told_type text,
  state text default 'pending'::text not null,
  refusal text,
  found_type text,
  byte_count integer,
  sha256 bytea,
  storage_path text generated always as ((((((business_id)::text || '/'::text) || (message_id)::text) || '/'::text) || ("position")::text)) stored not null,
  created_at timestamp with time zone default app.clock() not null,
  settled_at timestamp with time zone,
  removed_at timestamp with time zone,
  constraint media_pkey PRIMARY KEY (message_id, "position"),
  constraint media_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint media_message_id_fkey FOREIGN KEY (message_id) REFERENCES app.messages(id),
  constraint position_is_bounded CHECK ((("position" >= 0) AND ("position" <= 9))),
  constraint refusal_is_known CHECK ((refusal = ANY (ARRAY['type'::text, 'too_large'::text, 'gone'::text, 'unavailable'::text]))),
  constraint refused_has_a_reason CHECK (((state = 'refused'::text) = (refusal IS NOT NULL))),
  constraint removed_only_when_settled CHECK (((removed_at IS NULL) OR (state <> 'pending'::text))),
  constraint settled_when_not_pending CHECK (((state = 'pending'::text) = (settled_at IS NULL))),
  constraint sha256_is_one CHECK ((octet_length(sha256) = 32)),
  constraint state_is_known CHECK ((state = ANY (ARRAY['pending'::text, 'stored'::text, 'refused'::text]))),
  constraint stored_is_described CHECK ((num_nonnulls(found_type, byte_count, sha256) =
CASE state
    WHEN 'stored'::text THEN 3
    ELSE 0
END)),
  constraint told_type_is_short CHECK ((char_length(told_type) <= 100)),
  constraint twilio_sid_form CHECK ((twilio_sid ~ '^ME[0-9a-f]{32}$'::text))
);
comment on table app.media is 'Pictures and the like that came with texts: what became of each, in our bucket and at Twilio.';
comment on column app.media.told_type is 'The content type Twilio told. Decides nothing.';
comment on column app.media.found_type is 'The content type its bytes have.';
comment on column app.media.storage_path is 'Where it is in the bucket media, if it is: business, message, position. Whoever erases a message finds its objects by it.';
comment on column app.media.removed_at is 'Since when Twilio does not have it any more.';
CREATE INDEX media_business_id_idx ON app.media USING btree (business_id);
alter table app.media enable row level security;
create policy own on app.media for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (message_id, "position", business_id, state, found_type, byte_count, storage_path) on table app.media to authenticated;

create table app.messages (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  lead_id uuid not null,
  sender_phone app.e164 not null,
  direction text not null,
  author text not null,
  body text not null,
  media_count smallint default 0 not null,
  masked_count smallint default 0 not null,
  in_reply_to uuid,
  legal_basis text,
  twilio_sid text,
  status text not null,
  error_code integer,
  attempted_at timestamp with time zone,
  created_at timestamp with time zone default app.clock() not null,
  request_id uuid,
  constraint messages_pkey PRIMARY KEY (id),
  constraint messages_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint messages_in_reply_to_fkey FOREIGN KEY (in_reply_to) REFERENCES app.messages(id),
  constraint messages_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES app.leads(id),
  constraint author_fits_direction CHECK (
CASE direction
    WHEN 'inbound'::text THEN (author = 'lead'::text)
    ELSE (author = ANY (ARRAY['assistant'::text, 'owner'::text, 'system'::text]))
END),
  constraint body_is_bounded CHECK ((char_length(body) <= 4096)),
  constraint direction_is_known CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
  constraint legal_basis_is_known CHECK ((legal_basis = ANY (ARRAY['response'::text, 'implied_inquiry'::text, 'implied_purchase'::text, 'express'::text]))),
  constraint outbound_has_a_legal_basis CHECK (((direction = 'outbound'::text) = (legal_basis IS NOT NULL))),
  constraint status_is_known CHECK ((status = ANY (ARRAY['received'::text, 'pending'::text, 'withheld'::text, 'accepted'::text, 'scheduled'::text, 'queued'::text, 'sending'::text, 'sent'::text, 'canceled'::text, 'failed'::text, 'undelivered'::text, 'delivered'::text, 'read'::text]))),
  constraint twilio_sid_form CHECK ((twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'::text))
);
comment on table app.messages is 'Every text in both directions.';
comment on column app.messages.sender_phone is 'The shop''s number: where the lead wrote to, or what we write from.';
comment on column app.messages.masked_count is 'How many card and social-insurance numbers were masked in the body before it was stored.';
comment on column app.messages.legal_basis is 'Why an outbound text was lawful when it was queued.';
comment on column app.messages.status is 'Twilio''s status; before Twilio has it pending, or withheld when the gate refused the claim.';
comment on column app.messages.attempted_at is 'When it was last claimed for sending. Set and without twilio_sid: whether Twilio has it is unknown.';
comment on column app.messages.request_id is 'What the owner''s form called the text: posted again, it is found by this.';
CREATE INDEX messages_business_id_id_idx ON app.messages USING btree (business_id, id);
CREATE UNIQUE INDEX messages_in_reply_to_key ON app.messages USING btree (in_reply_to);
CREATE INDEX messages_lead_id_id_idx ON app.messages USING btree (lead_id, id);
CREATE UNIQUE INDEX messages_request_id_key ON app.messages USING btree (lead_id, request_id) WHERE (request_id IS NOT NULL);
CREATE INDEX messages_sender_phone_attempted_at_idx ON app.messages USING btree (sender_phone, attempted_at) WHERE (attempted_at IS NOT NULL);
CREATE UNIQUE INDEX messages_twilio_sid_key ON app.messages USING btree (twilio_sid);
CREATE INDEX messages_waiting_idx ON app.messages USING btree (sender_phone) WHERE ((direction = 'outbound'::text) AND (status = 'pending'::text) AND (attempted_at IS NULL));
CREATE TRIGGER messages_are_noted AFTER INSERT ON app.messages FOR EACH ROW EXECUTE FUNCTION app.note_message();
alter table app.messages alter column body set statistics 0;
alter table app.messages enable row level security;
create policy own on app.messages for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, business_id, lead_id, direction, author, body, media_count, masked_count, legal_basis, status, error_code, created_at) on table app.messages to authenticated;

create table app.object_deletions (
  bucket text not null,
  path text not null,
  created_at timestamp with time zone default app.clock() not null,
  constraint object_deletions_pkey PRIMARY KEY (bucket, path)
);
comment on table app.object_deletions is 'Objects in Storage that are to be deleted: what they belonged to is gone already.';
CREATE INDEX object_deletions_created_at_idx ON app.object_deletions USING btree (created_at);
alter table app.object_deletions enable row level security;

create table app.rate_limits (
  kind text not null,
  subject bytea not null,
  full_until timestamp with time zone not null,
  constraint rate_limits_pkey PRIMARY KEY (kind, subject),
  constraint kind_is_short CHECK (((char_length(kind) >= 1) AND (char_length(kind) <= 40))),
  constraint subject_is_sha256 CHECK ((octet_length(subject) = 32))
);
comment on table app.rate_limits is 'Who has done something lately, by a keyed hash. A row that is past its time is as good as none.';
comment on column app.rate_limits.full_until is 'When all that was taken has leaked out of the bucket: each taking moves it on by its share.';
CREATE INDEX rate_limits_full_until_idx ON app.rate_limits USING btree (full_until);
alter table app.rate_limits enable row level security;

create table app.refusals (
  day date not null,
  function text not null,
  reason text not null,
  count bigint not null,
  constraint refusals_pkey PRIMARY KEY (day, function, reason),
  constraint function_is_short CHECK (((char_length(function) >= 1) AND (char_length(function) <= 100))),
  constraint reason_is_short CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 100)))
);
comment on table app.refusals is 'How many requests were refused, by day (UTC), function and reason. Written in sums: the logs have each one.';
alter table app.refusals enable row level security;

create table app.retention_runs (
  id uuid default app.uuid_v7() not null,
  started_at timestamp with time zone default app.clock() not null,
  finished_at timestamp with time zone,
  is_complete boolean default false not null,
  purged jsonb default '{}'::jsonb not null,
  constraint retention_runs_pkey PRIMARY KEY (id),
  constraint complete_is_finished CHECK (((finished_at IS NOT NULL) OR (NOT is_complete))),
  constraint purged_is_an_object CHECK ((jsonb_typeof(purged) = 'object'::text))
);
comment on table app.retention_runs is 'What cron/retention deleted, run by run: how many rows of each kind, and no more of them.';
comment on column app.retention_runs.finished_at is 'Null while it runs, and for good if it was cut off.';
comment on column app.retention_runs.is_complete is 'Whether nothing was left to do.';
alter table app.retention_runs enable row level security;

create table app.sender_numbers (
  phone app.e164 not null,
  business_id uuid,
  created_at timestamp with time zone default app.clock() not null,
  texts_per_minute integer default 30 not null,
  constraint sender_numbers_pkey PRIMARY KEY (phone),
  constraint sender_numbers_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint texts_per_minute_is_positive CHECK ((texts_per_minute > 0))
);
comment on table app.sender_numbers is 'Our Twilio numbers: what a shop is texted at and texts from. Without a shop, a number waits for one.';
comment on column app.sender_numbers.business_id is 'The shop that has it; null for a number that nobody has at the moment.';
comment on column app.sender_numbers.texts_per_minute is 'How many texts may be handed to Twilio in any 60 seconds. An operator raises it for a short code or a toll-free number.';
CREATE INDEX sender_numbers_business_id_idx ON app.sender_numbers USING btree (business_id);
CREATE INDEX sender_numbers_free_idx ON app.sender_numbers USING btree (created_at, phone) WHERE (business_id IS NULL);
alter table app.sender_numbers enable row level security;
create policy own on app.sender_numbers for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (phone, business_id, created_at) on table app.sender_numbers to authenticated;

create table app.status_events (
  id uuid default app.uuid_v7() not null,
  message_id uuid not null,
  twilio_sid text not null,
  status text not null,
  error_code integer,
  fields jsonb not null,
  received_at timestamp with time zone default app.clock() not null,
  constraint status_events_pkey PRIMARY KEY (id),
  constraint status_events_message_id_fkey FOREIGN KEY (message_id) REFERENCES app.messages(id),
  constraint fields_are_an_object CHECK ((jsonb_typeof(fields) = 'object'::text)),
  constraint twilio_sid_form CHECK ((twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'::text))
);
comment on table app.status_events is 'Status callbacks as they came, one row each, never changed.';
comment on column app.status_events.fields is 'The other fields that name no person, as Twilio sent them (lib''s sms_status lists which).';
CREATE INDEX status_events_message_id_idx ON app.status_events USING btree (message_id);
alter table app.status_events set (autovacuum_vacuum_scale_factor=0.02);
alter table app.status_events enable row level security;

create table app.stripe_customers (
  id text not null,
  business_id uuid not null,
  created_at timestamp with time zone default app.clock() not null,
  constraint stripe_customers_pkey PRIMARY KEY (id),
  constraint stripe_customers_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint id_form CHECK ((id ~ '^cus_[A-Za-z0-9_]{1,200}$'::text))
);
comment on table app.stripe_customers is 'Which shop a customer of Stripe''s is. A shop may have been several; a customer is always one shop.';
CREATE INDEX stripe_customers_business_id_idx ON app.stripe_customers USING btree (business_id);
alter table app.stripe_customers enable row level security;

create table app.stripe_listing (
  is_only_row boolean default true not null,
  listed_until timestamp with time zone not null,
  page_until timestamp with time zone,
  page_after text,
  constraint stripe_listing_pkey PRIMARY KEY (is_only_row),
  constraint page_is_of_a_listing CHECK (((page_after IS NULL) OR (page_until IS NOT NULL))),
  constraint there_is_one_row CHECK (is_only_row)
);
comment on table app.stripe_listing is 'How far Stripe''s list of events has been compared with the log. Its times are whole seconds, as Stripe''s are.';
comment on column app.stripe_listing.listed_until is 'The watermark: all events created before it were compared.';
comment on column app.stripe_listing.page_until is 'The end of the listing under way, which becomes the watermark when it is through.';
comment on column app.stripe_listing.page_after is 'The last event of the listing under way that was compared. It goes from new to old.';
alter table app.stripe_listing enable row level security;

create table app.subscriptions (
  id text not null,
  business_id uuid not null,
  customer_id text not null,
  status text not null,
  price_id text,
  current_period_start timestamp with time zone,
  current_period_end timestamp with time zone,
  trial_end timestamp with time zone,
  cancel_at timestamp with time zone,
  cancel_at_period_end boolean not null,
  canceled_at timestamp with time zone,
  is_collection_paused boolean not null,
  unpaid_since timestamp with time zone,
  created_at timestamp with time zone not null,
  version bigint default 1 not null,
  fetched_at timestamp with time zone default app.clock() not null,
  constraint subscriptions_pkey PRIMARY KEY (id),
  constraint subscriptions_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint subscriptions_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES app.stripe_customers(id),
  constraint id_form CHECK ((id ~ '^sub_[A-Za-z0-9_]{1,200}$'::text)),
  constraint past_due_has_a_beginning CHECK (((status <> 'past_due'::text) OR (unpaid_since IS NOT NULL))),
  constraint status_is_known CHECK ((status = ANY (ARRAY['incomplete'::text, 'incomplete_expired'::text, 'trialing'::text, 'active'::text, 'past_due'::text, 'canceled'::text, 'unpaid'::text, 'paused'::text])))
);
comment on table app.subscriptions is 'What the shops pay for: each row is what Stripe last answered about a subscription.';
comment on column app.subscriptions.is_collection_paused is 'Payments are paused because the service is: pause_collection with the behaviour void.';
comment on column app.subscriptions.unpaid_since is 'Since when a payment of a past_due subscription is missing.';
comment on column app.subscriptions.version is 'Counts the answers stored. One that names another version was asked for too early.';
comment on column app.subscriptions.fetched_at is 'When Stripe''s answer was stored.';
CREATE INDEX subscriptions_business_id_idx ON app.subscriptions USING btree (business_id);
CREATE INDEX subscriptions_customer_id_idx ON app.subscriptions USING btree (customer_id);
CREATE INDEX subscriptions_open_idx ON app.subscriptions USING btree (id) WHERE (status <> ALL (ARRAY['canceled'::text, 'incomplete_expired'::text]));
alter table app.subscriptions enable row level security;
create policy own on app.subscriptions for select to authenticated using ((business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])));
grant select (id, business_id, customer_id, status, price_id, current_period_start, current_period_end, trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused, unpaid_since, created_at, version, fetched_at) on table app.subscriptions to authenticated;

create table app.suppressions (
  sender_phone app.e164 not null,
  phone_hmac bytea not null,
  reason text not null,
  since timestamp with time zone default app.clock() not null,
  constraint suppressions_pkey PRIMARY KEY (sender_phone, phone_hmac),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32)),
  constraint reason_is_known CHECK ((reason = ANY (ARRAY['opted_out'::text, 'unreachable'::text])))
);
comment on table app.suppressions is 'Who must not be texted from a number. Names no person and refers to no row, so it outlives lead and account.';
alter table app.suppressions enable row level security;
create policy own on app.suppressions for select to authenticated using (((sender_phone)::text IN ( SELECT n.phone
   FROM app.sender_numbers n
  WHERE (n.business_id = ANY (( SELECT app.own_business_ids() AS own_business_ids)::uuid[])))));
grant select (sender_phone, phone_hmac, reason, since) on table app.suppressions to authenticated;

create table app.twilio_redactions (
  message_sid text not null,
  closure_id uuid,
  media_sids text[] default '{}'::text[] not null,
  run_at timestamp with time zone default app.clock() not null,
  attempts integer default 0 not null,
  constraint twilio_redactions_pkey PRIMARY KEY (message_sid),
  constraint twilio_redactions_closure_id_fkey FOREIGN KEY (closure_id) REFERENCES app.closures(id),
  constraint message_sid_form CHECK ((message_sid ~ '^(SM|MM)[0-9a-f]{32}$'::text))
);
comment on table app.twilio_redactions is 'Texts that Twilio is to forget and that we have no other row of. A row is gone when Twilio''s copy is empty.';
comment on column app.twilio_redactions.closure_id is 'The closure that waits for it; null for a text to a number of nobody.';
comment on column app.twilio_redactions.media_sids is 'What came with the text and is still there.';
CREATE INDEX twilio_redactions_closure_id_idx ON app.twilio_redactions USING btree (closure_id);
CREATE INDEX twilio_redactions_due_idx ON app.twilio_redactions USING btree (run_at);
alter table app.twilio_redactions enable row level security;

create table app.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  received_at timestamp with time zone default app.clock() not null,
  constraint webhook_events_pkey PRIMARY KEY (provider, event_id),
  constraint event_id_is_short CHECK (((char_length(event_id) >= 1) AND (char_length(event_id) <= 255))),
  constraint provider_is_known CHECK ((provider = ANY (ARRAY['twilio'::text, 'stripe'::text])))
);
comment on table app.webhook_events is 'The idempotent log: a row is written in the transaction that applies the event, or not at all.';
CREATE INDEX webhook_events_message_idx ON app.webhook_events USING btree (received_at) WHERE ((provider = 'twilio'::text) AND (type = 'message'::text));
CREATE INDEX webhook_events_status_idx ON app.webhook_events USING btree (received_at) WHERE ((provider = 'twilio'::text) AND (type = 'status'::text));
CREATE INDEX webhook_events_stripe_idx ON app.webhook_events USING btree (received_at) WHERE (provider = 'stripe'::text);
alter table app.webhook_events set (autovacuum_vacuum_scale_factor=0.02);
alter table app.webhook_events enable row level security;

CREATE OR REPLACE FUNCTION app.advance_message(p_message_id uuid, p_sid text, p_status text, p_error_code integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_message app.messages;
begin
  select * into strict v_message from app.messages where id = p_message_id for no key update;
  if v_message.twilio_sid is distinct from p_sid and v_message.twilio_sid is not null then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'message_sent_twice', v_message.id);
    return false;
  end if;

  update app.messages
  set twilio_sid = p_sid,
      status = p_status,
      error_code = p_error_code
  where id = p_message_id
    -- Of two reports with one status the higher error code stays: any order, one end.
    and (app.status_rank(p_status), coalesce(p_error_code, 0))
      > (app.status_rank(status), coalesce(error_code, 0));
  if not found then
    update app.messages set twilio_sid = p_sid where id = p_message_id and twilio_sid is null;
  end if;
  return true;
end;
$function$;
comment on function app.advance_message(uuid,text,text,integer) is 'Moves a message up the ranks of app.status_rank, never down.';

CREATE OR REPLACE FUNCTION app.append_consent(p_event app.consent_events)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_event app.consent_events := p_event;
  v_ledger app.consent_ledgers;
begin
  insert into app.consent_ledgers as l (business_id, phone_hmac, length, head)
  values (v_event.business_id, v_event.phone_hmac, 1, decode(repeat('00', 32), 'hex'))
  on conflict (business_id, phone_hmac) do update set length = l.length + 1
  returning * into v_ledger;

  v_event.sequence := v_ledger.length;
  v_event.previous_hash := v_ledger.head;
  if v_event.wording is not null then
    v_event.wording_salt := uuid_send(gen_random_uuid());
    v_event.wording_digest := sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'));
  end if;
  v_event.hash := app.consent_hash(v_event);
  insert into app.consent_events values (v_event.*);

  update app.consent_ledgers
  set head = v_event.hash,
      express_since = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'express' then coalesce(express_since, v_event.at)
        else express_since
      end,
      inquiry_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_inquiry' then greatest(inquiry_until, v_event.expires_at)
        else inquiry_until
      end,
      purchase_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_purchase' then greatest(purchase_until, v_event.expires_at)
        else purchase_until
      end
  where business_id = v_event.business_id and phone_hmac = v_event.phone_hmac;
end;
$function$;
comment on function app.append_consent(app.consent_events) is 'The only way a row gets into the consent ledger.';

CREATE OR REPLACE FUNCTION app.apply_error_policy(p_lead_id uuid, p_message_id uuid, p_policy text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads;
begin
  if p_policy is null then
    return;
  end if;
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  if app.suppress(v_lead.business_id, v_lead.phone_hmac, p_policy) and p_policy = 'opted_out' then
    perform app.record_consent(
      v_lead, p_message_id, 'withdrawn', null, 'provider', null, null, null
    );
  end if;
end;
$function$;
comment on function app.apply_error_policy(uuid,uuid,text) is 'Suppresses a number that Twilio says is opted out or unreachable.';

CREATE OR REPLACE FUNCTION app.assign_number(p_business_id uuid)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_phone text;
begin
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id = p_business_id
  order by n.created_at, n.phone
  limit 1;
  if found then
    return v_phone;
  end if;
  -- Two shops that are opened at once take two.
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id is null
  order by n.created_at, n.phone
  limit 1
  for update skip locked;
  if not found then
    return null;
  end if;
  update app.sender_numbers set business_id = p_business_id where phone = v_phone;
  insert into app.audit_events (business_id, actor, action)
  values (p_business_id, 'system', 'number_assigned');
  return v_phone;
end;
$function$;
comment on function app.assign_number(uuid) is 'A shop''s number: its own, or else one that belonged to nobody; null if none is free.';

CREATE OR REPLACE FUNCTION app.backup_lifetime()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '90 days';
$function$;
comment on function app.backup_lifetime() is 'How long the sealed backup of a closed account is kept: what we promise.';

CREATE OR REPLACE FUNCTION app.backup_rows(p_business_id uuid)
 RETURNS TABLE(number integer, file text, rows integer, lines text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_table record;
  v_cursor refcursor;
begin
  number := 0;
  for v_table in select * from app.backup_tables() order by place loop
    open v_cursor for execute 'select row_to_json(t)::text from ' || v_table.source
    using p_business_id;
    file := v_table.name;
    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
    end loop;
    close v_cursor;
  end loop;
end;
$function$;
comment on function app.backup_rows(uuid) is 'All rows of an account that a backup holds, table by table, in chunks of lines of JSON.';

CREATE OR REPLACE FUNCTION app.backup_tables()
 RETURNS TABLE(place integer, name text, source text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  values
    (
      1, 'owner',
      '(
        select u.id, u.email, u.phone, u.email_confirmed_at, u.phone_confirmed_at,
          u.raw_app_meta_data, u.raw_user_meta_data, u.created_at
        from app.businesses b
        join auth.users u on u.id = b.owner_id
        where b.id = $1
      ) t'
    ),
    (2, 'businesses', 'app.businesses t where t.id = $1'),
    (3, 'sender_numbers', 'app.sender_numbers t where t.business_id = $1 order by t.phone'),
    (4, 'stripe_customers', 'app.stripe_customers t where t.business_id = $1 order by t.id'),
    (5, 'subscriptions', 'app.subscriptions t where t.business_id = $1 order by t.id'),
    (6, 'leads', 'app.leads t where t.business_id = $1 order by t.id'),
    -- What is answered before the answers, whatever the clock did.
    (
      7, 'messages',
      'app.messages t where t.business_id = $1 order by t.in_reply_to is not null, t.id'
    ),
    (
      8, 'consent_events',
      'app.consent_events t where t.business_id = $1 order by t.phone_hmac, t.sequence'
    ),
    (
      9, 'consent_ledgers',
      'app.consent_ledgers t where t.business_id = $1 order by t.phone_hmac'
    ),
    (10, 'media', 'app.media t where t.business_id = $1 order by t.message_id, t.position'),
    (
      11, 'status_events',
      'app.messages m join app.status_events t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    ),
    (
      12, 'jobs',
      'app.messages m join app.jobs t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    );
$function$;
comment on function app.backup_tables() is 'What a backup of an account holds, in the order in which it is restored: each table, and which of its rows (t) are of account $1.';

CREATE OR REPLACE FUNCTION app.backups_of(p_closure app.closures)
 RETURNS TABLE(bucket text, path text)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select o.bucket_id, o.name
  from storage.objects o
  where o.bucket_id = 'backups'
    and o.name collate "C" >= p_closure.id::text || '/'
    and o.name collate "C" < p_closure.id::text || '0';
$function$;
comment on function app.backups_of(app.closures) is 'The sealed backups of a closure: the one that counts, and those of attempts that were cut off.';

CREATE OR REPLACE FUNCTION app.billing_allows(p_business_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select app.is_served(app.billing_standing(p_business_id));
$function$;
comment on function app.billing_allows(uuid) is 'Whether a shop has a subscription that pays for texts: trialing, active, or past_due within the grace. None is none.';

CREATE OR REPLACE FUNCTION app.billing_standing(p_business_id uuid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function app.billing_standing(uuid) is 'How a shop stands: the standing of its newest subscription that is served, else of its newest, else none.';
grant execute on function app.billing_standing(uuid) to authenticated;

CREATE OR REPLACE FUNCTION app.business_days_after(p_day date, p_count integer)
 RETURNS date
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  v_day date := p_day;
  v_left integer := p_count;
begin
  while v_left > 0 loop
    v_day := v_day + 1;
    if app.is_business_day(v_day) then
      v_left := v_left - 1;
    end if;
  end loop;
  return v_day;
end;
$function$;
comment on function app.business_days_after(date,integer) is 'The business day that many after a day, which itself does not count.';

CREATE OR REPLACE FUNCTION app.business_of_subscription(p_subscription jsonb)
 RETURNS uuid
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select coalesce(
    (select business_id from app.subscriptions where id = p_subscription ->> 'id'),
    (select business_id from app.stripe_customers where id = p_subscription ->> 'customer_id'),
    (select id from app.businesses where id = (p_subscription ->> 'business_id')::uuid)
  );
$function$;
comment on function app.business_of_subscription(jsonb) is 'The shop a subscription is of, or null.';

CREATE OR REPLACE FUNCTION app.certificate_content(p_closure app.closures)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'format', 'leadslock deletion certificate 1',
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'requested_at', app.ledger_time(p_closure.requested_at),
    'purge_at', app.ledger_time(p_closure.purge_at),
    'restored_at', app.ledger_time(p_closure.restored_at),
    'issued_at', app.ledger_time(app.clock()),
    'sealed_rows', p_closure.counts,
    'receipts', (
      select jsonb_agg(
        jsonb_build_object('step', r.step, 'at', app.ledger_time(r.at), 'detail', r.detail)
        order by array_position(app.closure_steps(), r.step)
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'kept', jsonb_build_array(
      'opt-outs, as keyed hashes of phone numbers', 'audit events, without personal data',
      'invoices at Stripe, which the law wants kept'
    )
  );
$function$;
comment on function app.certificate_content(app.closures) is 'What the certificate of a closure says.';

CREATE OR REPLACE FUNCTION app.chunks(p_lines refcursor)
 RETURNS TABLE(rows integer, lines text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_line text;
  v_lines text[] := '{}';
  v_bytes integer := 0;
  v_is_first boolean := true;
begin
  loop
    fetch p_lines into v_line;
    if v_line is null and (v_is_first or cardinality(v_lines) > 0) or v_bytes > 256 * 1024 then
      rows := cardinality(v_lines);
      lines := array_to_string(v_lines, e'\n');
      return next;
      v_lines := '{}';
      v_bytes := 0;
      v_is_first := false;
    end if;
    exit when v_line is null;
    v_lines := v_lines || v_line;
    v_bytes := v_bytes + octet_length(v_line);
  end loop;
end;
$function$;
comment on function app.chunks(refcursor) is 'The lines of a cursor, as chunks of about 256 KB.';

CREATE OR REPLACE FUNCTION app.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select pg_catalog.now();
$function$;
comment on function app.clock() is 'The time all rules go by: the transaction''s.';
grant execute on function app.clock() to authenticated;

CREATE OR REPLACE FUNCTION app.closure_lease()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '15 minutes';
$function$;
comment on function app.closure_lease() is 'How long a closure belongs to its holder after a call; longer than the longest step, the seal.';

CREATE OR REPLACE FUNCTION app.closure_steps()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function app.closure_steps() is 'The steps of a closure, in their order.';

CREATE OR REPLACE FUNCTION app.closure_view(p_closure app.closures)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'state', case
      when p_closure.restored_at is not null then 'restored'
      when p_closure.state = 'done' then 'purged'
      when p_closure.step in ('key', 'object', 'certificate') then 'erased'
      else 'closing'
    end,
    'requested_at', p_closure.requested_at,
    'purge_at', p_closure.purge_at,
    'receipts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('step', r.step, 'at', r.at, 'detail', r.detail)
          order by array_position(app.closure_steps(), r.step)
        ),
        '[]'
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'certificate', p_closure.certificate
  );
$function$;
comment on function app.closure_view(app.closures) is 'What an owner is told of a closure: closing, erased (the sealed backup is left), purged, or restored.';

CREATE OR REPLACE FUNCTION app.closure_work(p_closure app.closures)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'fencing_token', p_closure.fencing_token
  );
$function$;
comment on function app.closure_work(app.closures) is 'What the holder of a closure needs to know.';

CREATE OR REPLACE FUNCTION app.consent_hash(p_event app.consent_events)
 RETURNS bytea
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select sha256(
    convert_to(
      concat_ws(
        e'\n',
        'leadslock consent event 1',
        p_event.id,
        p_event.business_id,
        encode(p_event.phone_hmac, 'hex'),
        p_event.sequence,
        p_event.lead_id,
        coalesce(p_event.message_id::text, '-'),
        p_event.change,
        coalesce(p_event.basis, '-'),
        p_event.source,
        coalesce(p_event.rule, '-'),
        coalesce(encode(p_event.wording_digest, 'hex'), '-'),
        app.ledger_time(p_event.at),
        coalesce(app.ledger_time(p_event.expires_at), '-'),
        encode(p_event.previous_hash, 'hex')
      ),
      'UTF8'
    )
  );
$function$;
comment on function app.consent_hash(app.consent_events) is 'The link of the chain that a row of evidence makes: SHA-256 over its fields and the link before.';

CREATE OR REPLACE FUNCTION app.consent_view(p_lead app.leads, p_time_zone text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'suppressed', s.reason,
    'suppressed_at', app.moment(s.since, p_time_zone),
    'response_until', app.moment(
      case
        when p_lead.last_inbound_at > app.clock() - interval '24 hours'
          then p_lead.last_inbound_at + interval '24 hours'
      end,
      p_time_zone
    ),
    'express_since', app.moment(c.express_since, p_time_zone),
    'inquiry_until', app.moment(c.inquiry_until, p_time_zone),
    'purchase_until', app.moment(c.purchase_until, p_time_zone)
  )
  from (values (true)) one
  left join app.consent_ledgers c
    on c.business_id = p_lead.business_id and c.phone_hmac = p_lead.phone_hmac
  left join lateral (
    select o.reason, o.since
    from app.sender_numbers n
    join app.suppressions o on o.sender_phone = n.phone and o.phone_hmac = p_lead.phone_hmac
    where n.business_id = p_lead.business_id
    -- An opt-out comes before what carriers say.
    order by o.reason, o.since
    limit 1
  ) s on true;
$function$;
comment on function app.consent_view(app.leads,text) is 'Whether and why a lead may be texted: what app.gate goes by.';
grant execute on function app.consent_view(app.leads,text) to authenticated;

CREATE OR REPLACE FUNCTION app.count_erased(p_closure app.closures, p_what text, p_count bigint)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.closures
  set erased = erased || jsonb_build_object(
    p_what, coalesce((erased ->> p_what)::bigint, 0) + p_count
  )
  where id = p_closure.id;
$function$;
comment on function app.count_erased(app.closures,text,bigint) is 'Adds to what a closure has erased.';

CREATE OR REPLACE FUNCTION app.cursor_id(p_cursor text)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case
    when p_cursor is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
    when p_cursor ~ '^([0-9]{1,17}\.)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
      right(p_cursor, 36)::uuid
  end;
$function$;
comment on function app.cursor_id(text) is 'The id in a cursor: the highest without one, null in what is none.';
grant execute on function app.cursor_id(text) to authenticated;

CREATE OR REPLACE FUNCTION app.cursor_time(p_cursor text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case
    when p_cursor is null then 'infinity'::timestamptz
    when p_cursor ~ '^[0-9]{1,17}\.' then
      'epoch'::timestamptz + split_part(p_cursor, '.', 1)::bigint * interval '1 microsecond'
  end;
$function$;
comment on function app.cursor_time(text) is 'The time in a cursor: the end of time without one, null in what is none.';
grant execute on function app.cursor_time(text) to authenticated;

CREATE OR REPLACE FUNCTION app.delete_chain()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  delete from app.consent_events e
  using gone g
  where e.business_id = g.business_id and e.phone_hmac = g.phone_hmac;
  return null;
end;
$function$;
comment on function app.delete_chain() is 'Trigger of app.consent_ledgers: with the end of a chain go its rows.';

CREATE OR REPLACE FUNCTION app.erase_owner(p_closure app.closures)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_id text := p_closure.owner_id::text;
  v_email text;
  v_entries bigint;
  v_users bigint;
begin
  select lower(u.email) into v_email from auth.users u where u.id = p_closure.owner_id;
  delete from auth.audit_log_entries
  where strpos(payload::text, v_id) > 0
    or (v_email <> '' and strpos(lower(payload::text), v_email) > 0);
  get diagnostics v_entries = row_count;
  delete from auth.flow_state where user_id = p_closure.owner_id;
  delete from auth.refresh_tokens where user_id::text = v_id;
  -- Sessions, identities, factors and one-time tokens go with it.
  delete from auth.users where id = p_closure.owner_id;
  get diagnostics v_users = row_count;
  return jsonb_build_object('users', v_users, 'audit_log_entries', v_entries);
end;
$function$;
comment on function app.erase_owner(app.closures) is 'Erases an owner from Supabase Auth, its audit log included. Returns how much.';

CREATE OR REPLACE FUNCTION app.erase_rows(p_closure app.closures)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_shop uuid := p_closure.business_id;
  v_ids uuid[];
  v_count bigint;
begin
  select array_agg(t.id) into v_ids
  from (
    select id from app.messages where business_id = v_shop order by id desc limit 2000
  ) t;
  if v_ids is not null then
    -- In the order job, message.
    perform from app.jobs where message_id = any (v_ids) order by id for update;
    perform from app.messages where id = any (v_ids) order by id for update;
    delete from app.jobs where message_id = any (v_ids);
    get diagnostics v_count = row_count;
    perform app.count_erased(p_closure, 'jobs', v_count);
    delete from app.status_events where message_id = any (v_ids);
    get diagnostics v_count = row_count;
    perform app.count_erased(p_closure, 'status_events', v_count);

    insert into app.twilio_redactions as r (message_sid, closure_id, media_sids)
    select m.twilio_sid, p_closure.id, coalesce(
      array_agg(p.twilio_sid order by p.position)
        filter (where p.twilio_sid is not null and p.removed_at is null),
      '{}'
    )
    from app.messages m
    left join app.media p on p.message_id = m.id
    where m.id = any (v_ids) and m.twilio_sid is not null
    group by m.twilio_sid
    on conflict (message_sid) do update
      set closure_id = excluded.closure_id, media_sids = excluded.media_sids;
    get diagnostics v_count = row_count;
    perform app.count_erased(p_closure, 'texts_at_twilio', v_count);
    delete from app.media where message_id = any (v_ids);
    get diagnostics v_count = row_count;
    perform app.count_erased(p_closure, 'media', v_count);
    -- Whatever the clock did while they were made.
    update app.messages set in_reply_to = null where in_reply_to = any (v_ids);
    delete from app.messages where id = any (v_ids);
    perform app.count_erased(p_closure, 'messages', cardinality(v_ids));
    return true;
  end if;

  delete from app.leads
  where id in (select id from app.leads where business_id = v_shop limit 5000);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform app.count_erased(p_closure, 'leads', v_count);
    return true;
  end if;

  delete from app.consent_events
  where id in (select id from app.consent_events where business_id = v_shop limit 5000);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform app.count_erased(p_closure, 'consent_events', v_count);
    return true;
  end if;
  delete from app.consent_ledgers
  where business_id = v_shop
    and phone_hmac in (
      select phone_hmac from app.consent_ledgers where business_id = v_shop limit 5000
    );
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform app.count_erased(p_closure, 'consent_ledgers', v_count);
    return true;
  end if;

  -- Large rows, and none that anybody asks for: not worth a count.
  delete from app.export_chunks
  where (export_id, number) in (
    select c.export_id, c.number
    from app.exports e
    join app.export_chunks c on c.export_id = e.id
    where e.business_id = v_shop
    limit 200
  );
  if found then
    return true;
  end if;
  delete from app.exports where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'exports', v_count);
  return false;
end;
$function$;
comment on function app.erase_rows(app.closures) is 'Erases some rows of an account that is sealed. False when none are left but the shop''s own.';

CREATE OR REPLACE FUNCTION app.erase_shop(p_closure app.closures)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_shop uuid := p_closure.business_id;
  v_count bigint;
begin
  perform from app.businesses where id = v_shop for update;
  delete from app.subscriptions where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'subscriptions', v_count);
  delete from app.stripe_customers where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'stripe_customers', v_count);
  update app.sender_numbers set business_id = null where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'numbers_released', v_count);
  delete from app.businesses where id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'businesses', v_count);
end;
$function$;
comment on function app.erase_shop(app.closures) is 'Releases the numbers of a shop, whose other rows are erased, and erases it.';

CREATE OR REPLACE FUNCTION app.export_lease()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '3 minutes';
$function$;
comment on function app.export_lease() is 'How long an export belongs to its holder after a step; longer than the longest step, the snapshot.';

CREATE OR REPLACE FUNCTION app.export_rows(p_business_id uuid)
 RETURNS TABLE(number integer, file text, rows integer, rows_before bigint, lines text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_files constant text[] := array[
    'profile', 'subscriptions', 'numbers', 'leads', 'messages', 'consent', 'suppressions', 'audit',
    'media'
  ];
  v_cursor refcursor;
begin
  number := 0;
  rows_before := 0;
  foreach file in array v_files loop
    case file
      when 'profile' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select b.id, b.name, u.email as owner_email, b.mailing_address, b.contact_email,
            b.contact_phone, b.website, b.time_zone, b.language, b.about, b.instructions, b.state,
            b.created_at, b.updated_at
          from app.businesses b
          left join auth.users u on u.id = b.owner_id
          where b.id = p_business_id
        ) t;
      when 'subscriptions' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, customer_id, status, price_id, current_period_start, current_period_end,
            trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused,
            unpaid_since, created_at, fetched_at
          from app.subscriptions
          where business_id = p_business_id
          order by id
        ) t;
      when 'numbers' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select phone, texts_per_minute, created_at
          from app.sender_numbers
          where business_id = p_business_id
          order by phone
        ) t;
      when 'leads' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, phone, encode(phone_hmac, 'hex') as phone_hmac, name, email, notes, language,
            needs_owner_since, needs_owner_reason, created_at, last_inbound_at
          from app.leads
          where business_id = p_business_id
          order by id
        ) t;
      when 'messages' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, created_at, lead_id, sender_phone, direction, author, body, media_count,
            masked_count, in_reply_to, legal_basis, status, error_code, twilio_sid, attempted_at
          from app.messages
          where business_id = p_business_id
          order by id
        ) t;
      when 'consent' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, encode(phone_hmac, 'hex') as phone_hmac, sequence, lead_id, message_id, change,
            basis, source, rule, wording, encode(wording_salt, 'hex') as wording_salt,
            encode(wording_digest, 'hex') as wording_digest, at, expires_at,
            encode(previous_hash, 'hex') as previous_hash, encode(hash, 'hex') as hash
          from app.consent_events
          where business_id = p_business_id
          order by consent_events.phone_hmac, sequence
        ) t;
      when 'suppressions' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select s.sender_phone, encode(s.phone_hmac, 'hex') as phone_hmac, s.reason, s.since
          from app.sender_numbers n
          join app.suppressions s on s.sender_phone = n.phone
          where n.business_id = p_business_id
          order by s.sender_phone, s.phone_hmac
        ) t;
      when 'audit' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, at, actor, action, subject_id
          from app.audit_events
          where business_id = p_business_id
          order by id
        ) t;
      when 'media' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select message_id, position, state, refusal, told_type, found_type, byte_count,
            encode(sha256, 'hex') as sha256,
            case
              when state = 'stored' then format(
                'media/%s-%s.%s', message_id, position,
                case found_type
                  when 'image/jpeg' then 'jpg'
                  when 'image/png' then 'png'
                  when 'image/gif' then 'gif'
                  when 'image/webp' then 'webp'
                  when 'image/heic' then 'heic'
                  when 'video/mp4' then 'mp4'
                  when 'video/3gpp' then '3gp'
                  when 'application/pdf' then 'pdf'
                  when 'text/vcard' then 'vcf'
                  else 'bin'
                end
              )
            end as file,
            storage_path, twilio_sid, created_at, settled_at, removed_at
          from app.media
          where business_id = p_business_id
          order by message_id, position
        ) t;
    end case;

    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
      rows_before := rows_before + rows;
    end loop;
    close v_cursor;
  end loop;
end;
$function$;
comment on function app.export_rows(uuid) is 'All rows of an account that an export holds, file by file, in chunks of lines of JSON.';

CREATE OR REPLACE FUNCTION app.export_view(p_export app.exports)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'format', p_export.format,
    'state', p_export.state,
    'requested_at', p_export.requested_at,
    'due_on', p_export.due_on,
    'rows_done', p_export.rows_done,
    'rows_total', p_export.rows_total,
    'snapshot_at', p_export.snapshot_at,
    'byte_count', p_export.byte_count,
    'sha256', encode(p_export.sha256, 'hex'),
    'expires_at', p_export.expires_at,
    'storage_path', p_export.storage_path
  );
$function$;
comment on function app.export_view(app.exports) is 'What an owner is told of an export.';

CREATE OR REPLACE FUNCTION app.export_work(p_export app.exports)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'fencing_token', p_export.fencing_token,
    'format', p_export.format,
    'storage_path', p_export.storage_path
  );
$function$;
comment on function app.export_work(app.exports) is 'What the holder of an export needs to know.';

CREATE OR REPLACE FUNCTION app.finish_job(p_job_id uuid, p_state text, p_outcome text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and finished_at is null;
$function$;
comment on function app.finish_job(uuid,text,text) is 'Ends a job as done or dead.';

CREATE OR REPLACE FUNCTION app.finish_step(p_closure app.closures, p_detail jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into app.closure_receipts (closure_id, step, detail)
  values (p_closure.id, p_closure.step, p_detail);
  update app.closures
  set step = coalesce(
        (app.closure_steps())[array_position(app.closure_steps(), p_closure.step) + 1], step
      ),
      faults = 0,
      last_fault = null
  where id = p_closure.id;
end;
$function$;
comment on function app.finish_step(app.closures,jsonb) is 'Writes the receipt of a closure''s step, and goes on to the next.';

CREATE OR REPLACE FUNCTION app.first_break_of_consent(p_business_id uuid, p_phone_hmac bytea)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_event app.consent_events;
  v_ledger app.consent_ledgers;
  v_place integer := 0;
  v_previous bytea := decode(repeat('00', 32), 'hex');
begin
  for v_event in
    select *
    from app.consent_events
    where business_id = p_business_id and phone_hmac = p_phone_hmac
    order by sequence
  loop
    v_place := v_place + 1;
    if v_event.sequence <> v_place
      or v_event.previous_hash <> v_previous
      or v_event.hash <> app.consent_hash(v_event)
      or v_event.wording_digest
        <> sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'))
    then
      return v_place;
    end if;
    v_previous := v_event.hash;
  end loop;

  select * into v_ledger
  from app.consent_ledgers
  where business_id = p_business_id and phone_hmac = p_phone_hmac;
  if coalesce(v_ledger.length, 0) <> v_place or coalesce(v_ledger.head, v_previous) <> v_previous then
    return v_place + 1;
  end if;
  return null;
end;
$function$;
comment on function app.first_break_of_consent(uuid,bytea) is 'Where a chain of evidence was tampered with, or null.';

CREATE OR REPLACE FUNCTION app.first_id_at(p_time timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select encode(
    overlay(
      decode('00000000000070008000000000000000', 'hex')
      placing substring(int8send(floor(extract(epoch from p_time) * 1000)::bigint) from 3)
      from 1 for 6
    ),
    'hex'
  )::uuid;
$function$;
comment on function app.first_id_at(timestamp with time zone) is 'The least id that app.uuid_v7 makes at a time, to the millisecond.';

CREATE OR REPLACE FUNCTION app.fixed_text(p_business app.businesses, p_kind text, p_language text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select format(
    case p_kind || ' ' || coalesce(p_language, p_business.language)
      when 'help en' then '%1$s: this number answers customers by text. Contact: %2$s. Reply STOP to receive no more texts.'
      when 'help fr' then '%1$s : ce numéro répond aux clients par texto. Contact : %2$s. Répondez ARRET pour ne plus recevoir de textos.'
      when 'stop en' then '%1$s: you will get no more texts from us. Reply START to get them again.'
      when 'stop fr' then '%1$s : vous ne recevrez plus de textos de notre part. Répondez START pour en recevoir de nouveau.'
      when 'start en' then '%1$s: you will get our texts again. Reply STOP to get no more.'
      when 'start fr' then '%1$s : vous recevrez de nouveau nos textos. Répondez ARRET pour ne plus en recevoir.'
    end,
    p_business.name,
    coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
  );
$function$;
comment on function app.fixed_text(app.businesses,text,text) is 'The answer to help, stop or start, in the language of the lead or else the shop''s.';

CREATE OR REPLACE FUNCTION app.flag_for_owner(p_lead_id uuid, p_reason text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.leads
  set needs_owner_since = coalesce(needs_owner_since, app.clock()), needs_owner_reason = p_reason
  where id = p_lead_id;
$function$;
comment on function app.flag_for_owner(uuid,text) is 'Puts a lead on the owner''s list. The newest reason shows.';

CREATE OR REPLACE FUNCTION app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
 RETURNS app.gate_answer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads;
  v_business app.businesses;
  v_ledger app.consent_ledgers;
  v_answer app.gate_answer;
  v_is_in_conversation boolean;
begin
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  select * into strict v_business from app.businesses where id = v_lead.business_id;

  v_answer.refusal := case
    when v_business.state <> 'active' then 'business_not_active'
    when app.is_suppressed(v_lead.business_id, v_lead.phone_hmac) then 'opted_out'
    -- Help and the confirmations of STOP and START are owed to the lead, whoever pays.
    when p_author <> 'system' and not app.billing_allows(v_lead.business_id) then 'billing'
    when p_author = 'assistant' and v_lead.taken_over_at is not null then 'taken_over'
    -- Two machines that answer each other would never stop.
    when p_author = 'assistant' and 10 <= (
      select count(*)
      from app.messages
      where lead_id = p_lead_id
        and (lead_id, id) >= (p_lead_id, app.first_id_at(app.clock() - interval '1 hour'))
        and author = 'assistant'
        and status <> 'withheld'
        and created_at > app.clock() - interval '1 hour'
    ) then 'cap'
  end;
  if v_answer.refusal is not null then
    return v_answer;
  end if;

  -- A text that answers the lead's own is outside the consent rules
  -- (SOR/2013-221, s. 3(b)), and so is what the owner writes while the
  -- conversation is a day old at most. Anything else needs consent.
  v_is_in_conversation := coalesce(v_lead.last_inbound_at > app.clock() - interval '24 hours', false);
  if p_in_reply_to is not null or v_is_in_conversation then
    v_answer.legal_basis := 'response';
  else
    select * into v_ledger
    from app.consent_ledgers
    where business_id = v_lead.business_id and phone_hmac = v_lead.phone_hmac;
    v_answer.legal_basis := case
      when v_ledger.express_since is not null then 'express'
      when v_ledger.purchase_until > app.clock() then 'implied_purchase'
      when v_ledger.inquiry_until > app.clock() then 'implied_inquiry'
    end;
  end if;
  if v_answer.legal_basis is null then
    v_answer.refusal := case
      when num_nonnulls(v_ledger.purchase_until, v_ledger.inquiry_until) > 0 then 'basis_expired'
      else 'no_basis'
    end;
    return v_answer;
  end if;

  -- Who has just written is awake. What comes late, even an answer, waits.
  if not v_is_in_conversation then
    v_answer.retry_at := app.quiet_until(v_lead.phone, v_business.time_zone);
    if v_answer.retry_at is not null then
      v_answer.legal_basis := null;
      v_answer.refusal := 'quiet_hours';
    end if;
  end if;
  return v_answer;
end;
$function$;
comment on function app.gate(uuid,text,uuid) is 'Whether a lead may be texted now: the legal basis, or the refusal and from when another try makes sense. Holds the lead''s lock to the end of the transaction.';

CREATE OR REPLACE FUNCTION app.has_due(p_kind text, p_before timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_kind record;
  v_has_due boolean;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = p_kind;
  if not found or v_kind.key_type = 'tid' then
    return false;
  end if;
  execute format(
    'select exists (select from %1$s t where t.%2$s < $2::%3$s and (%4$s))',
    v_kind.relation, v_kind.key, v_kind.key_type, v_kind.condition
  )
  using p_before, app.purge_bound(v_kind.key_type, p_before)
  into v_has_due;
  return v_has_due;
end;
$function$;
comment on function app.has_due(text,timestamp with time zone) is 'Whether rows of a kind are older than a time. Not told of what would have to be read whole.';

CREATE OR REPLACE FUNCTION app.hold_closure(request jsonb)
 RETURNS app.closures
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.closures
  set run_at = app.clock() + app.closure_lease()
  where id = (request ->> 'closure_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$function$;
comment on function app.hold_closure(jsonb) is 'Renews the lease of a closure (closure_id, fencing_token) and locks it; null if the lease is lost.';

CREATE OR REPLACE FUNCTION app.hold_export(request jsonb)
 RETURNS app.exports
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.exports
  set run_at = app.clock() + app.export_lease()
  where id = (request ->> 'export_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$function$;
comment on function app.hold_export(jsonb) is 'Renews the lease of an export (export_id, fencing_token) and locks it; null if the lease is lost.';

CREATE OR REPLACE FUNCTION app.hold_restore(request jsonb)
 RETURNS app.closures
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such closure';
  elsif v_closure.restored_at is not null then
    raise sqlstate 'PT409' using message = 'the account is restored';
  elsif v_closure.wrapped_key is null and v_closure.sealed_at is not null
    or v_closure.purge_at <= app.clock()
  then
    raise sqlstate 'PT410' using message = 'the backup is past its time';
  elsif v_closure.step not in ('twilio', 'key') then
    raise sqlstate 'PT425' using message = 'the account is still being closed';
  end if;
  if v_closure.step = 'key' then
    update app.closures
    set run_at = greatest(run_at, app.clock() + app.closure_lease())
    where id = v_closure.id;
  end if;
  return v_closure;
end;
$function$;
comment on function app.hold_restore(jsonb) is 'The closure closure_id, locked, whose account can be restored; refuses the call otherwise.';

CREATE OR REPLACE FUNCTION app.is_being_erased(p_business_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select exists (
    select
    from app.closures
    where business_id = p_business_id
      and state = 'open'
      and step in ('rows', 'key')
      and restored_at is null
  );
$function$;
comment on function app.is_being_erased(uuid) is 'Whether an account is sealed, or has been, and its rows are to go.';

CREATE OR REPLACE FUNCTION app.is_business_day(p_day date)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  -- Easter, by Meeus, Jones and Butcher.
  v_year integer := extract(year from p_day);
  a integer := v_year % 19;
  b integer := v_year / 100;
  c integer := v_year % 100;
  h integer := (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  l integer := (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
  m integer := (a + 11 * h + 22 * l) / 451;
  v_easter date := make_date(v_year, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
begin
  return extract(isodow from p_day) < 6
    -- New Year, Canada Day, Christmas.
    and to_char(p_day, 'MM-DD') not in ('01-01', '07-01', '12-25')
    -- Good Friday.
    and p_day <> v_easter - 2
    -- Labour Day, the first Monday of September.
    and not (to_char(p_day, 'MM') = '09' and extract(isodow from p_day) = 1 and extract(day from p_day) <= 7);
end;
$function$;
comment on function app.is_business_day(date) is 'Whether offices are open that day everywhere in Canada: no date counted by it is too late for anybody.';

CREATE OR REPLACE FUNCTION app.is_close_to_due(p_export app.exports)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select app.clock()
    >= p_export.requested_at + (p_export.due_at - p_export.requested_at) * 0.6;
$function$;
comment on function app.is_close_to_due(app.exports) is 'Whether most of the time until an export is due is over.';

CREATE OR REPLACE FUNCTION app.is_overdue(p_closure app.closures)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select p_closure.state = 'open'
    and app.clock() > interval '1 day' + case
      when p_closure.step in ('key', 'object', 'certificate') then p_closure.purge_at
      else p_closure.requested_at
    end;
$function$;
comment on function app.is_overdue(app.closures) is 'Whether a closure should have ended its steps, or destroyed its backup, a day ago.';

CREATE OR REPLACE FUNCTION app.is_same_name(p_name text, p_typed text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select lower(normalize(btrim(p_name, e' \t\r\n\u00a0')) collate "und-x-icu")
    = lower(normalize(btrim(p_typed, e' \t\r\n\u00a0')) collate "und-x-icu");
$function$;
comment on function app.is_same_name(text,text) is 'Whether somebody has typed a name; case and outer spaces do not count.';

CREATE OR REPLACE FUNCTION app.is_served(p_standing text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select p_standing in ('trialing', 'active', 'past_due');
$function$;
comment on function app.is_served(text) is 'Whether a shop of this standing is served.';
grant execute on function app.is_served(text) to authenticated;

CREATE OR REPLACE FUNCTION app.is_settled(p_closure app.closures)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select p_closure.requested_at + app.lease() <= app.clock()
    and not exists (
      select
      from app.jobs j
      join app.messages m on m.id = j.message_id
      where j.state = 'open'
        and m.business_id = p_closure.business_id
        and (j.kind = 'send' or p_closure.requested_at + interval '1 hour' > app.clock())
    );
$function$;
comment on function app.is_settled(app.closures) is 'Whether nothing is under way any more in a shop that is being closed.';

CREATE OR REPLACE FUNCTION app.is_suppressed(p_business_id uuid, p_phone_hmac bytea)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select exists (
    select
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone
    where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac
  );
$function$;
comment on function app.is_suppressed(uuid,bytea) is 'Whether a shop must not text a number.';

CREATE OR REPLACE FUNCTION app.is_time_zone(p_name text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  perform now() at time zone p_name;
  -- Postgres also takes offsets and rules of its own making, which no place has.
  return p_name ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+-]+){1,2}$' or p_name = 'UTC';
exception
  when invalid_parameter_value then
    return false;
end;
$function$;
comment on function app.is_time_zone(text) is 'Whether the IANA knows a time zone by this name.';

CREATE OR REPLACE FUNCTION app.lead_of_owner(request jsonb)
 RETURNS app.leads
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_lead app.leads;
begin
  select l.* into v_lead
  from app.leads l
  join app.businesses b on b.id = l.business_id
  where b.owner_id = v_owner_id
    and l.id = (request ->> 'lead_id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  return v_lead;
end;
$function$;
comment on function app.lead_of_owner(jsonb) is 'A lead (lead_id) of the session''s owner; refuses the call if there is none.';

CREATE OR REPLACE FUNCTION app.lead_view(p_lead app.leads, p_time_zone text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'id', p_lead.id,
    'version', p_lead.version,
    'phone', p_lead.phone,
    'name', p_lead.name,
    'email', p_lead.email,
    'notes', p_lead.notes,
    'language', p_lead.language,
    'created_at', app.moment(p_lead.created_at, p_time_zone),
    'last_inbound_at', app.moment(p_lead.last_inbound_at, p_time_zone),
    'flag', p_lead.needs_owner_reason,
    'flagged_at', app.moment(p_lead.needs_owner_since, p_time_zone),
    'taken_over_at', app.moment(p_lead.taken_over_at, p_time_zone)
  );
$function$;
comment on function app.lead_view(app.leads,text) is 'What the console says of a lead.';
grant execute on function app.lead_view(app.leads,text) to authenticated;

CREATE OR REPLACE FUNCTION app.lease()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '60 seconds';
$function$;
comment on function app.lease() is 'How long a claimed job belongs to its holder.';

CREATE OR REPLACE FUNCTION app.ledger_time(p_time timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$function$;
comment on function app.ledger_time(timestamp with time zone) is 'A time as the chain and the export write it: UTC, microseconds.';
grant execute on function app.ledger_time(timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION app.lift_suppressions(p_business_id uuid, p_phone_hmac bytea, p_reasons text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = p_business_id
    and s.sender_phone = n.phone
    and s.phone_hmac = p_phone_hmac
    and s.reason = any (p_reasons);
  if found then
    update app.conversations c
    set suppressed_at = app.suppressed_at(p_business_id, p_phone_hmac)
    from app.leads l
    where l.business_id = p_business_id and l.phone_hmac = p_phone_hmac and c.lead_id = l.id;
  end if;
end;
$function$;
comment on function app.lift_suppressions(uuid,bytea,text[]) is 'Lets a shop text a number again, if it was suppressed for one of the reasons.';

CREATE OR REPLACE FUNCTION app.like_patterns(p_texts jsonb, p_is_binary boolean)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select array_agg(
    '%' || regexp_replace(
      case when p_is_binary then encode(convert_to(t.text, 'UTF8'), 'escape') else t.text end,
      '([\\%_])', '\\\1', 'g'
    ) || '%'
  )
  from jsonb_array_elements_text(p_texts) t (text);
$function$;
comment on function app.like_patterns(jsonb,boolean) is 'For like: each text anywhere in another; or in bytes, as encode(…, ''escape'') writes them.';

CREATE OR REPLACE FUNCTION app.log_stripe_event(p_event jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function app.log_stripe_event(jsonb) is 'Writes an event into the log. False if it is there.';

CREATE OR REPLACE FUNCTION app.media_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'kind', 'media',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'attempt', j.attempts,
    'twilio_sid', t.twilio_sid,
    'media', jsonb_agg(
      jsonb_build_object(
        'position', m.position,
        'twilio_sid', m.twilio_sid,
        'storage_path', m.storage_path,
        'is_settled', m.state <> 'pending'
      )
      order by m.position
    )
  )
  from app.jobs j
  join app.messages t on t.id = j.message_id
  join app.media m on m.message_id = j.message_id
  where j.id = p_job_id and m.removed_at is null
  group by j.id, t.id;
$function$;
comment on function app.media_work(uuid) is 'What is left to do for a text''s pictures: all that Twilio may still have.';

CREATE OR REPLACE FUNCTION app.moment(p_time timestamp with time zone, p_time_zone text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select case
    when p_time is not null then jsonb_build_object(
      'at', app.ledger_time(p_time),
      'local', to_char(p_time at time zone p_time_zone, 'YYYY-MM-DD"T"HH24:MI')
    )
  end;
$function$;
comment on function app.moment(timestamp with time zone,text) is 'A time as the console gets it: UTC, and at the shop.';
grant execute on function app.moment(timestamp with time zone,text) to authenticated;

CREATE OR REPLACE FUNCTION app.note_message()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function app.note_message() is 'Trigger of app.messages: keeps app.conversations. Whoever writes a text holds the lead''s lock.';

CREATE OR REPLACE FUNCTION app.note_orphaned_consent()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update app.consent_ledgers c
  set orphaned_at = app.clock()
  from erased e
  where c.business_id = e.business_id and c.phone_hmac = e.phone_hmac;
  return null;
end;
$function$;
comment on function app.note_orphaned_consent() is 'Trigger of app.leads: the time of a chain runs from when its lead was erased.';

CREATE OR REPLACE FUNCTION app.note_purged(p_run_id uuid, p_kind text, p_count bigint)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.retention_runs
  set purged = purged
    || jsonb_build_object(p_kind, coalesce((purged ->> p_kind)::bigint, 0) + p_count)
  where id = p_run_id and p_count > 0;
$function$;
comment on function app.note_purged(uuid,text,bigint) is 'Adds to the record of a run, in the transaction that deletes.';

CREATE OR REPLACE FUNCTION app.objects_of(p_closure app.closures)
 RETURNS TABLE(bucket text, path text)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select o.bucket_id, o.name
  from storage.buckets b
  join storage.objects o
    on o.bucket_id = b.id
    and o.name collate "C" >= p_closure.business_id::text || '/'
    and o.name collate "C" < p_closure.business_id::text || '0'
  union
  select o.bucket_id, o.name
  from storage.objects o
  where p_closure.ends_owner and o.owner_id = p_closure.owner_id::text;
$function$;
comment on function app.objects_of(app.closures) is 'Objects of an account that Storage still has.';

CREATE OR REPLACE FUNCTION app.overdue()
 RETURNS TABLE(kind text, id uuid, business_id uuid, since timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select 'export', e.id, e.business_id, e.due_at
  from app.exports e
  where e.state in ('unconfirmed', 'open') and e.due_at <= app.clock()
  union all
  -- Whoever deletes comes every minute.
  select 'export_deletion', e.id, e.business_id, e.expires_at
  from app.exports e
  where e.state = 'ready' and e.expires_at <= app.clock() - interval '1 day'
  union all
  select 'object_deletion', null, null, min(o.created_at)
  from app.object_deletions o
  having min(o.created_at) <= app.clock() - interval '1 day'
  union all
  select 'closure', c.id, c.business_id,
    case when c.step in ('key', 'object', 'certificate') then c.purge_at else c.requested_at end
  from app.closures c
  where app.is_overdue(c)
  union all
  select 'twilio_redaction', null, null, min(r.run_at)
  from app.twilio_redactions r
  having min(r.run_at) <= app.clock() - interval '1 day';
$function$;
comment on function app.overdue() is 'What should have been done by now, whoever was to do it.';

CREATE OR REPLACE FUNCTION app.owe_export(p_business app.businesses, p_format text, p_requested_by text, p_state text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with due as (
    select app.business_days_after((app.clock() at time zone p_business.time_zone)::date, 5) as day
  ),
  owed as (
    insert into app.exports (business_id, format, requested_by, state, due_on, due_at)
    select p_business.id, p_format, p_requested_by, p_state, due.day,
      -- The end of that day.
      (due.day + 1)::timestamp at time zone p_business.time_zone
    from due
    on conflict (business_id, format) where state in ('unconfirmed', 'open') do nothing
    returning id
  )
  insert into app.audit_events (business_id, actor, action, subject_id)
  select p_business.id, p_requested_by, 'export_requested', id
  from owed;
$function$;
comment on function app.owe_export(app.businesses,text,text,text) is 'Records that an export was asked for, unless one in that format is under way.';

CREATE OR REPLACE FUNCTION app.owe_redaction(p_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_job_id uuid;
begin
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('redact', p_message_id, app.clock() + app.lease(), 1, 1)
  on conflict (kind, message_id) do nothing
  returning id into v_job_id;
  return app.redact_work(v_job_id);
end;
$function$;
comment on function app.owe_redaction(uuid) is 'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';

CREATE OR REPLACE FUNCTION app.owe_reply(p_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into strict v_message from app.messages where id = p_message_id;
  if not exists (
    select from app.businesses where id = v_message.business_id and state = 'active'
  ) then
    return null;
  end if;
  if not app.billing_allows(v_message.business_id) then
    perform app.flag_for_owner(v_message.lead_id, 'billing');
    return null;
  end if;
  if exists (
    select from app.leads where id = v_message.lead_id and taken_over_at is not null
  ) then
    perform app.flag_for_owner(v_message.lead_id, 'taken_over');
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('reply', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.reply_work(v_job_id);
end;
$function$;
comment on function app.owe_reply(uuid) is 'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody, does not pay, or its owner answers.';

CREATE OR REPLACE FUNCTION app.own_business_ids()
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_claims jsonb := auth.jwt();
  v_owner_id uuid;
begin
  -- A token that the owner has given to another application, or nobody's.
  if v_claims ? 'client_id' or coalesce((v_claims ->> 'is_anonymous')::boolean, false) then
    raise sqlstate 'PT401' using message = 'the session is not an owner''s';
  end if;
  v_owner_id := app.require_session(jsonb_build_object(
    'user_id', v_claims ->> 'sub', 'session_id', v_claims ->> 'session_id', 'aal', v_claims ->> 'aal'
  ));
  return array(select b.id from app.businesses b where b.owner_id = v_owner_id);
end;
$function$;
comment on function app.own_business_ids() is 'The shops of the owner who makes the request; refuses it if the session has ended.';
grant execute on function app.own_business_ids() to authenticated;

CREATE OR REPLACE FUNCTION app.own_lead(request jsonb)
 RETURNS app.leads
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads;
begin
  select l.* into v_lead from app.leads l where l.id = (request ->> 'lead_id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  return v_lead;
end;
$function$;
comment on function app.own_lead(jsonb) is 'A lead (lead_id) that row level security lets the caller see; refuses the call if there is none.';
grant execute on function app.own_lead(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION app.paced_until(p_sender_phone text, p_is_waiting boolean)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_limit integer;
  v_sent integer;
  v_waiting integer := 0;
begin
  select texts_per_minute into v_limit from app.sender_numbers where phone = p_sender_phone;
  -- A number the shop has given up sends at the pace of any other.
  v_limit := coalesce(v_limit, 30);
  select count(*) into v_sent
  from app.messages
  where sender_phone = p_sender_phone
    and attempted_at > app.clock() - interval '1 minute';
  if p_is_waiting and v_sent < v_limit then
    return null;
  end if;

  -- Twenty minutes' worth is as far as anybody is put off at once.
  select count(*) into v_waiting
  from (
    select
    from app.messages
    where direction = 'outbound'
      and sender_phone = p_sender_phone
      and attempted_at is null
      and status = 'pending'
    limit v_limit * 20
  ) waiting;
  if v_sent + v_waiting < v_limit then
    return null;
  end if;
  return app.clock() + interval '1 minute' * (1 + v_waiting / v_limit);
end;
$function$;
comment on function app.paced_until(text,boolean) is 'When a number may send its next text: null if now. A text that is waiting already does not wait for itself.';

CREATE OR REPLACE FUNCTION app.page_size(request jsonb)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select least(greatest(coalesce((request ->> 'limit')::integer, 50), 1), 100);
$function$;
comment on function app.page_size(jsonb) is 'How many rows of a list are asked for: 1 to 100.';
grant execute on function app.page_size(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION app.payment_grace()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '7 days';
$function$;
comment on function app.payment_grace() is 'For how long a shop is served whose payment has failed.';
grant execute on function app.payment_grace() to authenticated;

CREATE OR REPLACE FUNCTION app.postpone_job(p_job_id uuid, p_at_least interval)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.jobs
  set run_at = app.clock() + greatest(
    least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10)))
      * (0.5 + pg_catalog.random() / 2),
    p_at_least
  )
  where id = p_job_id and finished_at is null;
$function$;
comment on function app.postpone_job(uuid,interval) is 'Puts a job that failed for now back in line.';

CREATE OR REPLACE FUNCTION app.profile_view(p_business_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'version', b.version,
    'name', b.name,
    'mailing_address', b.mailing_address,
    'contact_email', b.contact_email,
    'contact_phone', b.contact_phone,
    'website', b.website,
    'time_zone', b.time_zone,
    'language', b.language,
    'about', b.about,
    'instructions', b.instructions,
    'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI'),
    'created_at', app.moment(b.created_at, b.time_zone),
    'updated_at', app.moment(b.updated_at, b.time_zone)
  )
  from app.businesses b
  where b.id = p_business_id;
$function$;
comment on function app.profile_view(uuid) is 'All of a shop that its owner can change.';
grant execute on function app.profile_view(uuid) to authenticated;

CREATE OR REPLACE FUNCTION app.purge_bound(p_key_type text, p_before timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select case p_key_type
    when 'uuid' then app.first_id_at(p_before)::text
    when 'timestamptz' then p_before::text
    when 'date' then (p_before at time zone 'UTC')::date::text
  end;
$function$;
comment on function app.purge_bound(text,timestamp with time zone) is 'The key before which rows are older than a time.';

CREATE OR REPLACE FUNCTION app.purge_kinds()
 RETURNS TABLE(kind text, relation text, key text, key_type text, condition text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  values
    (
      'webhook_events_stripe', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'stripe'$c$
    ),
    (
      'webhook_events_message', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'message'$c$
    ),
    (
      'webhook_events_status', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'status'$c$
    ),
    ('status_events', 'app.status_events', 'id', 'uuid', 'received_at < $1'),
    ('jobs_done', 'app.jobs', 'id', 'uuid', $c$state = 'done' and finished_at < $1$c$),
    ('jobs_dead', 'app.jobs', 'id', 'uuid', $c$state = 'dead' and finished_at < $1$c$),
    ('exports', 'app.exports', 'expires_at', 'timestamptz', $c$state = 'expired'$c$),
    ('refusals', 'app.refusals', 'day', 'date', 'true'),
    (
      'consent', 'app.consent_ledgers', 'orphaned_at', 'timestamptz',
      'not exists (
         select
         from app.leads l
         where l.business_id = t.business_id and l.phone_hmac = t.phone_hmac
       )'
    ),
    ('erased_leads', 'app.erased_leads', 'at', 'timestamptz', 'true'),
    ('audit_events', 'app.audit_events', 'id', 'uuid', 'at < $1'),
    ('retention_runs', 'app.retention_runs', 'id', 'uuid', 'started_at < $1'),
    ('auth_audit', 'auth.audit_log_entries', 'ctid', 'tid', 'created_at < $1');
$function$;
comment on function app.purge_kinds() is 'What can be purged, a closed list: the table, the key by which its oldest rows come first, and which of them go ($1 is the time they are older than).';

CREATE OR REPLACE FUNCTION app.put_off_closure(p_closure app.closures, p_until timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.closures set run_at = p_until where id = p_closure.id;
  select '{"step": "wait"}'::jsonb;
$function$;
comment on function app.put_off_closure(app.closures,timestamp with time zone) is 'Has a closure claimed again at a time, and not before.';

CREATE OR REPLACE FUNCTION app.put_off_job(p_job_id uuid, p_until timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.jobs
  set run_at = p_until, attempts = attempts - 1
  where id = p_job_id and finished_at is null;
$function$;
comment on function app.put_off_job(uuid,timestamp with time zone) is 'Gives back a job whose time has not come: that is no attempt.';

CREATE OR REPLACE FUNCTION app.queue_text(p_lead_id uuid, p_sender_phone app.e164, p_author text, p_body text, p_in_reply_to uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_turn timestamptz;
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;
  -- A confirmation comes at once or, after a STOP, never.
  if p_author <> 'system' then
    v_turn := app.paced_until(p_sender_phone, false);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', case when v_turn is null then app.clock() end
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  if v_turn is not null then
    insert into app.jobs (kind, message_id, run_at) values ('send', v_message_id, v_turn);
    return jsonb_build_object('outcome', 'queued', 'message_id', v_message_id);
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('send', v_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return jsonb_build_object(
    'outcome', 'queued', 'message_id', v_message_id, 'send', app.send_work(v_job_id)
  );
end;
$function$;
comment on function app.queue_text(uuid,app.e164,text,text,uuid) is 'Writes an outbound text and, unless its number must pause, claims it for sending, if the gate lets it through.';

CREATE OR REPLACE FUNCTION app.quiet_until(p_phone text, p_shop_time_zone text)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with places as (
    select time_zone
    from unnest(
      coalesce(
        (
          select a.time_zones
          from app.area_codes a
          where p_phone like '+1%' and a.area_code = substr(p_phone, 3, 3)
        ),
        array[p_shop_time_zone]
      )
    ) time_zone
  )
  select max(
    case
      when local.hour < 9 then (local.day + time '09:00') at time zone p.time_zone
      else (local.day + 1 + time '09:00') at time zone p.time_zone
    end
  )
  from places p
  cross join lateral (
    select extract(hour from app.clock() at time zone p.time_zone) as hour,
      (app.clock() at time zone p.time_zone)::date as day
  ) local
  where local.hour not between 9 and 19;
$function$;
comment on function app.quiet_until(text,text) is 'From when it makes sense to ask again whether a text that answers nothing may arrive at a number; null if it may now.';

CREATE OR REPLACE FUNCTION app.record_consent(p_lead app.leads, p_message_id uuid, p_change text, p_basis text, p_source text, p_rule text, p_wording text, p_expires_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_event app.consent_events;
begin
  v_event.id := app.uuid_v7();
  v_event.business_id := p_lead.business_id;
  v_event.lead_id := p_lead.id;
  v_event.phone_hmac := p_lead.phone_hmac;
  v_event.message_id := p_message_id;
  v_event.change := p_change;
  v_event.basis := p_basis;
  v_event.source := p_source;
  v_event.rule := p_rule;
  v_event.wording := p_wording;
  v_event.at := app.clock();
  v_event.expires_at := p_expires_at;
  perform app.append_consent(v_event);

  -- An inquiry is in the messages already; what changes rights is audited.
  if p_change = 'withdrawn' or p_basis <> 'implied_inquiry' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (
      p_lead.business_id,
      case p_source when 'text' then 'lead' else p_source end,
      'consent_' || p_change,
      p_lead.id
    );
  end if;
end;
$function$;
comment on function app.record_consent(app.leads,uuid,text,text,text,text,text,timestamp with time zone) is 'Adds to the evidence of consent. The caller holds the lead''s lock.';

CREATE OR REPLACE FUNCTION app.redact_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'kind', 'redact',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'twilio_sid', m.twilio_sid
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.id = p_job_id;
$function$;
comment on function app.redact_work(uuid) is 'A claimed redact job: the text to empty at Twilio.';

CREATE OR REPLACE FUNCTION app.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
end;
$function$;
comment on function app.refuse_change() is 'Trigger of append-only tables.';

CREATE OR REPLACE FUNCTION app.refuse_change_of_evidence()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if to_jsonb(new) - '{wording,wording_salt}'::text[] <> to_jsonb(old) - '{wording,wording_salt}'::text[]
    or new.wording is not null
  then
    raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
  end if;
  return new;
end;
$function$;
comment on function app.refuse_change_of_evidence() is 'Trigger of app.consent_events: an update may erase the wording and nothing else.';

CREATE OR REPLACE FUNCTION app.refuse_early_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if (to_jsonb(old) ->> tg_argv[0])::timestamptz <= app.clock() - tg_argv[1]::interval then
    return old;
  end if;
  raise exception 'rows of %.% are kept for %', tg_table_schema, tg_table_name, tg_argv[1];
end;
$function$;
comment on function app.refuse_early_deletion() is 'Trigger: lets a row go only when a time in it (first argument, a column) is so long ago (second).';

CREATE OR REPLACE FUNCTION app.refuse_export_of_closing()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if not exists (select from app.businesses where id = new.business_id and state = 'active') then
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  end if;
  return new;
end;
$function$;
comment on function app.refuse_export_of_closing() is 'Trigger of app.exports: only of a shop that is active is anything exported.';

CREATE OR REPLACE FUNCTION app.refuse_gap_in_evidence()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function app.refuse_gap_in_evidence() is 'Trigger of app.consent_events: a row goes only when the end of its chain is gone.';

CREATE OR REPLACE FUNCTION app.reply_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
 SET enable_bitmapscan TO 'off'
AS $function$
  select jsonb_build_object(
    'kind', 'reply',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'has_masked_numbers', m.masked_count > 0,
    'business', jsonb_build_object(
      'name', b.name,
      'about', b.about,
      'instructions', b.instructions,
      'website', b.website,
      'language', b.language,
      'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI')
    ),
    'lead', jsonb_build_object('name', l.name, 'language', l.language),
    -- A conversation ends after 30 quiet days; the next one is introduced anew.
    'is_first_answer', not exists (
      select
      from app.messages o
      where o.lead_id = l.id
        and (o.lead_id, o.id) >= (l.id, app.first_id_at(app.clock() - interval '30 days'))
        and o.author = 'assistant'
        and o.status <> 'withheld'
        and o.created_at > app.clock() - interval '30 days'
    ),
    'history', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('author', h.author, 'body', h.body, 'media_count', h.media_count)
          order by h.id
        ),
        '[]'
      )
      from (
        select o.id, o.author, o.body, o.media_count
        from app.messages o
        where o.lead_id = l.id and o.status <> 'withheld'
        order by o.id desc
        limit 12
      ) h
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  join app.businesses b on b.id = m.business_id
  where j.id = p_job_id;
$function$;
comment on function app.reply_work(uuid) is 'A claimed reply job, as the assistant gets it.';

CREATE OR REPLACE FUNCTION app.require_session(p_session jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_user_id uuid := (p_session ->> 'user_id')::uuid;
begin
  perform
  from auth.sessions s
  join auth.users u on u.id = s.user_id
  where s.id = (p_session ->> 'session_id')::uuid
    and s.user_id = v_user_id
    and (s.not_after is null or s.not_after > app.clock())
    and (u.banned_until is null or u.banned_until <= app.clock())
    and u.deleted_at is null;
  if not found then
    raise sqlstate 'PT401' using message = 'the session has ended';
  end if;

  if (p_session ->> 'aal') is distinct from 'aal2' and exists (
    select from auth.mfa_factors f where f.user_id = v_user_id and f.status = 'verified'
  ) then
    raise sqlstate 'PT403' using message = 'the second factor is needed';
  end if;
  return v_user_id;
end;
$function$;
comment on function app.require_session(jsonb) is 'The owner of a session that still stands and has shown every factor; refuses the call for any other.';

CREATE OR REPLACE FUNCTION app.restore_owner(p_row jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_user_id uuid := (p_row ->> 'id')::uuid;
begin
  if exists (select from auth.users where id = v_user_id) then
    return;
  elsif exists (
    select from auth.users where email = p_row ->> 'email' or phone = p_row ->> 'phone'
  ) then
    raise sqlstate 'PT423' using message = 'another user has the owner''s e-mail address or phone';
  end if;
  insert into auth.users (
    id, aud, role, email, encrypted_password, email_confirmed_at, phone, phone_confirmed_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token,
    recovery_token, email_change, email_change_token_new, email_change_token_current,
    phone_change, phone_change_token, reauthentication_token
  )
  values (
    v_user_id, 'authenticated', 'authenticated', p_row ->> 'email', '',
    (p_row ->> 'email_confirmed_at')::timestamptz, p_row ->> 'phone',
    (p_row ->> 'phone_confirmed_at')::timestamptz, p_row -> 'raw_app_meta_data',
    p_row -> 'raw_user_meta_data', (p_row ->> 'created_at')::timestamptz, app.clock(),
    '', '', '', '', '', '', '', ''
  );
  insert into auth.identities (
    id, provider_id, user_id, provider, identity_data, last_sign_in_at, created_at, updated_at
  )
  select gen_random_uuid(), v_user_id::text, v_user_id, 'email',
    jsonb_build_object('sub', v_user_id, 'email', p_row ->> 'email', 'email_verified', true),
    null, app.clock(), app.clock()
  where p_row ->> 'email' is not null;
end;
$function$;
comment on function app.restore_owner(jsonb) is 'Gives a restored account its owner back, without a password, unless the user is still there.';

CREATE OR REPLACE FUNCTION app.row_to_restore(p_closure app.closures, p_table text, p_row jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  case p_table
    when 'businesses' then
      return p_row || '{"state": "closed"}';
    when 'subscriptions' then
      -- Stripe has cancelled it, whether that was stored then or not.
      if p_row ->> 'status' not in ('canceled', 'incomplete_expired') then
        return p_row || jsonb_build_object(
          'status', 'canceled',
          'canceled_at', coalesce(p_row ->> 'canceled_at', p_closure.requested_at::text)
        );
      end if;
    when 'leads' then
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return null;
      end if;
    when 'messages' then
      if not exists (select from app.leads where id = (p_row ->> 'lead_id')::uuid) then
        return null;
      end if;
    when 'consent_events' then
      -- As app.erase_lead does: the evidence stays, in nobody's words.
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return p_row || '{"wording": null, "wording_salt": null}';
      end if;
    when 'media', 'status_events', 'jobs' then
      if not exists (select from app.messages where id = (p_row ->> 'message_id')::uuid) then
        return null;
      elsif p_table = 'jobs' and p_row ->> 'state' = 'open' and p_row ->> 'kind' in ('reply', 'send')
      then
        return p_row || jsonb_build_object(
          'state', 'done', 'outcome', 'business_not_active', 'finished_at', app.clock()
        );
      end if;
    else null;
  end case;
  return p_row;
end;
$function$;
comment on function app.row_to_restore(app.closures,text,jsonb) is 'A row of a backup as it is put back; null if it is not.';

CREATE OR REPLACE FUNCTION app.scanned()
 RETURNS TABLE(relation oid, schema text, name text, is_paged boolean)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select c.oid, n.nspname::text, c.relname::text, c.relkind <> 'v'
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (
      c.relkind in ('r', 'm')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      -- Somebody else's session's.
      and c.relpersistence <> 't'
    )
    -- The planner's samples, and statements with what stood in them.
    or (c.relkind = 'v' and c.relname in ('pg_stats', 'pg_stats_ext', 'pg_stat_statements'));
$function$;
comment on function app.scanned() is 'Everything in which a person could be left: tables, and views of what Postgres has seen of them.';

CREATE OR REPLACE FUNCTION app.send_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
 SET enable_bitmapscan TO 'off'
AS $function$
  select jsonb_build_object(
    'kind', 'send',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'from', m.sender_phone,
    'to', l.phone,
    'body', m.body,
    'known_sids', (
      select coalesce(jsonb_agg(k.twilio_sid), '[]')
      from (
        select o.twilio_sid
        from app.messages o
        where o.lead_id = m.lead_id and o.direction = 'outbound' and o.twilio_sid is not null
        order by o.id desc
        limit 150
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$function$;
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';

CREATE OR REPLACE FUNCTION app.sender_for(p_lead app.leads)
 RETURNS app.e164
 LANGUAGE sql
 STABLE
 SET search_path TO ''
 SET enable_bitmapscan TO 'off'
AS $function$
  select n.phone
  from app.sender_numbers n
  left join (
    select m.sender_phone
    from app.messages m
    where m.lead_id = p_lead.id
    order by m.id desc
    limit 1
  ) last on last.sender_phone = n.phone
  where n.business_id = p_lead.business_id
  order by last.sender_phone is null, n.created_at, n.phone
  limit 1;
$function$;
comment on function app.sender_for(app.leads) is 'The number a lead is texted from; null if the shop has none.';

CREATE OR REPLACE FUNCTION app.shop_header(p_business_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_own uuid[] := app.own_business_ids();
  v_shop jsonb;
begin
  select jsonb_build_object(
    'id', b.id,
    'name', b.name,
    'state', b.state,
    'language', b.language,
    'time_zone', b.time_zone,
    'role', 'owner',
    'billing', s.standing,
    'served_until', (
      select app.moment(max(p.unpaid_since) + app.payment_grace(), b.time_zone)
      from app.subscriptions p
      where s.standing = 'past_due' and p.business_id = b.id and p.status = 'past_due'
    ),
    'numbers', (
      select coalesce(jsonb_agg(n.phone order by n.created_at, n.phone), '[]')
      from app.sender_numbers n
      where n.business_id = b.id
    ),
    'flagged', (
      select count(*)
      from (
        select
        from app.leads l
        where l.business_id = b.id and l.needs_owner_since is not null
        limit 100
      ) f
    )
  ) into v_shop
  from app.businesses b
  cross join lateral (select app.billing_standing(b.id) as standing) s
  where b.id = any (v_own) and b.id = coalesce(p_business_id, b.id)
  -- Who has several sees the oldest that lives.
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    raise sqlstate 'PT428' using message = 'the owner has no shop';
  end if;
  return v_shop;
end;
$function$;
comment on function app.shop_header(uuid) is 'What every page says of a shop of the owner''s: the one named, or the first.';
grant execute on function app.shop_header(uuid) to authenticated;

CREATE OR REPLACE FUNCTION app.shop_of_owner(request jsonb)
 RETURNS app.businesses
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_business app.businesses;
begin
  select b.* into v_business
  from app.businesses b
  where b.owner_id = v_owner_id
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    raise sqlstate 'PT428' using message = 'the owner has no shop';
  end if;
  return v_business;
end;
$function$;
comment on function app.shop_of_owner(jsonb) is 'The shop of the session''s owner, the first that lives; refuses the call if there is none.';

CREATE OR REPLACE FUNCTION app.shut_out(p_user_id uuid)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update auth.users set banned_until = app.clock() + interval '100 years' where id = p_user_id;
  delete from auth.refresh_tokens where user_id::text = p_user_id::text;
  delete from auth.sessions where user_id = p_user_id;
$function$;
comment on function app.shut_out(uuid) is 'Ends all sessions of a user, and lets none begin.';

CREATE OR REPLACE FUNCTION app.status_rank(p_status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case p_status
    when 'withheld' then 0
    when 'pending' then 0
    when 'accepted' then 1
    when 'scheduled' then 2
    when 'queued' then 3
    when 'sending' then 4
    when 'sent' then 5
    when 'canceled' then 6
    when 'failed' then 7
    when 'undelivered' then 8
    when 'delivered' then 9
    when 'read' then 10
  end;
$function$;
comment on function app.status_rank(text) is 'A message only ever moves to a status of a higher rank, so callbacks may come in any order.';

CREATE OR REPLACE FUNCTION app.stop_work(p_business_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.state = 'open' and m.business_id = p_business_id
  order by j.id
  for update of j;
  with ended as (
    update app.jobs j
    set state = 'done', outcome = 'business_not_active', finished_at = app.clock()
    from app.messages m
    where m.id = j.message_id
      and m.business_id = p_business_id
      and j.state = 'open'
      and (j.kind = 'reply' or j.kind = 'send' and m.attempted_at is null)
    returning j.message_id, j.kind
  )
  update app.messages m
  set status = 'withheld'
  from ended
  where ended.kind = 'send' and m.id = ended.message_id and m.status = 'pending';

  -- One whose rows are being gathered at this moment, which may take a minute, is left:
  -- nobody can fetch it any more, and it goes with the account's rows and files.
  with ended as (
    update app.exports
    set state = case when state = 'ready' then 'expired' else 'cancelled' end
    where id in (
      select id
      from app.exports
      where business_id = p_business_id and state in ('unconfirmed', 'open', 'ready')
      for no key update skip locked
    )
    returning storage_path
  )
  insert into app.object_deletions (bucket, path)
  select 'exports', storage_path
  from ended
  on conflict do nothing;
end;
$function$;
comment on function app.stop_work(uuid) is 'Ends the answers, texts and exports of a shop that are not done, and has its bundles deleted.';

CREATE OR REPLACE FUNCTION app.subscription_standing(p_subscription app.subscriptions)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select case
    when p_subscription.status in ('trialing', 'active', 'past_due')
      and p_subscription.is_collection_paused then 'paused'
    when p_subscription.status = 'past_due'
      and p_subscription.unpaid_since + app.payment_grace() <= app.clock() then 'grace_over'
    else p_subscription.status
  end;
$function$;
comment on function app.subscription_standing(app.subscriptions) is 'Stripe''s status, but for paused, where payments are, and grace_over, where past_due has lasted too long.';
grant execute on function app.subscription_standing(app.subscriptions) to authenticated;

CREATE OR REPLACE FUNCTION app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update app.conversations c
  set is_unanswered = false, suppressed_at = coalesce(c.suppressed_at, app.clock())
  from app.leads l
  where l.business_id = p_business_id
    and l.phone_hmac = p_phone_hmac
    and c.lead_id = l.id
    and (c.is_unanswered or c.suppressed_at is null);

  insert into app.suppressions (sender_phone, phone_hmac, reason)
  select phone, p_phone_hmac, p_reason from app.sender_numbers where business_id = p_business_id
  -- Who cannot be reached and then opts out has opted out.
  on conflict (sender_phone, phone_hmac) do update
    set reason = 'opted_out', since = excluded.since
    where suppressions.reason <> 'opted_out' and excluded.reason = 'opted_out';
  return found;
end;
$function$;
comment on function app.suppress(uuid,bytea,text) is 'Keeps a shop from texting a number, from all its senders. False if it already was.';

CREATE OR REPLACE FUNCTION app.suppressed_at(p_business_id uuid, p_phone_hmac bytea)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select min(s.since)
  from app.sender_numbers n
  join app.suppressions s on s.sender_phone = n.phone
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$function$;
comment on function app.suppressed_at(uuid,bytea) is 'Since when a shop must not text a number; null if it may.';

CREATE OR REPLACE FUNCTION app.take_media(p_message_id uuid, p_media jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_job_id uuid;
begin
  insert into app.media (message_id, business_id, position, twilio_sid, told_type)
  select p_message_id, t.business_id, m.position, m.twilio_sid, m.told_type
  from app.messages t
  cross join jsonb_to_recordset(p_media) m (position smallint, twilio_sid text, told_type text)
  where t.id = p_message_id;
  if not found then
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('media', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.media_work(v_job_id);
end;
$function$;
comment on function app.take_media(uuid,jsonb) is 'Records what came with a text, and makes a claimed job of taking it over. Returns its work; null if nothing came.';

CREATE OR REPLACE FUNCTION app.texts_to_join(p_lead_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
 SET enable_bitmapscan TO 'off'
AS $function$
  select jsonb_agg(jsonb_build_object('message_id', m.id, 'body', m.body) order by m.id)
  from (
    select *
    from app.messages
    where lead_id = p_lead_id and direction = 'inbound'
    order by id desc
    limit 3
  ) m
  where m.created_at > app.clock() - interval '10 minutes'
    and m.body ~ '^\W*[0-9٠-٩۰-۹０-９]|[0-9٠-٩۰-۹０-９]\W*$';
$function$;
comment on function app.texts_to_join(uuid) is 'The texts a lead sent just before, for lib to see whether a number is split over them; null if there are none.';

CREATE OR REPLACE FUNCTION app.time_cursor(p_time timestamp with time zone, p_id uuid)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select (extract(epoch from p_time) * 1000000)::bigint || '.' || p_id;
$function$;
comment on function app.time_cursor(timestamp with time zone,uuid) is 'Where a list by time goes on.';
grant execute on function app.time_cursor(timestamp with time zone,uuid) to authenticated;

CREATE OR REPLACE FUNCTION app.turn_away(p_business_id uuid, request jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if request ->> 'meaning' = 'stop' then
    insert into app.suppressions (sender_phone, phone_hmac, reason)
    select n.phone, decode(request ->> 'phone_hmac', 'hex'), 'opted_out'
    from app.sender_numbers n
    where n.phone = request ->> 'to' or n.business_id = p_business_id
    order by n.phone
    on conflict (sender_phone, phone_hmac) do update
      set reason = 'opted_out', since = excluded.since
      where suppressions.reason <> 'opted_out';
  end if;
  insert into app.twilio_redactions (message_sid, media_sids)
  select request ->> 'message_sid', coalesce(
    (
      select array_agg(m.value ->> 'twilio_sid')
      from jsonb_array_elements(request -> 'media') m
    ),
    '{}'
  )
  where not exists (
    select
    from app.webhook_events
    where provider = 'twilio' and event_id = request ->> 'message_sid'
  )
  on conflict do nothing;
end;
$function$;
comment on function app.turn_away(uuid,jsonb) is 'What is left of a text that nobody takes: a STOP, and that Twilio is to forget it.';

CREATE OR REPLACE FUNCTION app.uuid_v7()
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  -- Runs on within a transaction, and follows app.clock() when that is moved.
  v_time timestamptz := pg_catalog.clock_timestamp() + (app.clock() - pg_catalog.now());
  v_microseconds bigint := (extract(epoch from v_time) * 1000000)::bigint;
  v_bytes bytea := pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
  v_fraction integer := ((v_microseconds % 1000) * 4096 / 1000)::integer;
begin
  v_bytes := overlay(v_bytes placing substring(pg_catalog.int8send(v_microseconds / 1000) from 3) from 1 for 6);
  v_bytes := pg_catalog.set_byte(v_bytes, 6, 112 + (v_fraction >> 8));
  v_bytes := pg_catalog.set_byte(v_bytes, 7, v_fraction & 255);
  return pg_catalog.encode(v_bytes, 'hex')::uuid;
end;
$function$;
comment on function app.uuid_v7() is 'A UUID that sorts by the time it was made.';

CREATE OR REPLACE FUNCTION app.withdraw_suppressed(p_business_id uuid, p_numbers_lost jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_lead record;
  v_event app.consent_events;
  v_count integer := 0;
begin
  for v_lead in
    select l.id, l.phone_hmac, min(s.since) as since
    from app.leads l
    join app.consent_ledgers c on c.business_id = l.business_id and c.phone_hmac = l.phone_hmac
    join app.suppressions s on s.phone_hmac = l.phone_hmac and s.reason = 'opted_out'
    where l.business_id = p_business_id
      and num_nonnulls(c.express_since, c.inquiry_until, c.purchase_until) > 0
      and (
        s.sender_phone in (select phone from app.sender_numbers where business_id = p_business_id)
        or p_numbers_lost ? s.sender_phone
      )
    group by l.id
    order by l.id
  loop
    perform from app.leads where id = v_lead.id for no key update;
    v_event := null;
    v_event.id := app.uuid_v7();
    v_event.business_id := p_business_id;
    v_event.lead_id := v_lead.id;
    v_event.phone_hmac := v_lead.phone_hmac;
    v_event.change := 'withdrawn';
    v_event.source := 'text';
    v_event.at := v_lead.since;
    perform app.append_consent(v_event);
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (p_business_id, 'lead', 'consent_withdrawn', v_lead.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$function$;
comment on function app.withdraw_suppressed(uuid,jsonb) is 'Records in the ledger that people of a restored shop opted out while it was closed. Returns how many.';

CREATE OR REPLACE FUNCTION app.work_of(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
  v_message app.messages;
  v_answer app.gate_answer;
  v_turn timestamptz;
begin
  select * into strict v_job from app.jobs where id = p_job_id;
  select * into strict v_message from app.messages where id = v_job.message_id;

  if v_job.attempts > 12 then
    perform app.finish_job(p_job_id, 'dead', 'too_many_attempts');
    if v_job.kind <> 'media' then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'job_dead', p_job_id);
    return null;
  end if;
  if v_job.kind = 'reply' then
    return app.reply_work(p_job_id);
  elsif v_job.kind = 'redact' then
    return app.redact_work(p_job_id);
  elsif v_job.kind = 'media' then
    return app.media_work(p_job_id);
  elsif v_message.attempted_at is not null then
    -- Twilio may have it: to be looked up, not sent. The gate comes after.
    return app.send_work(p_job_id) || '{"kind": "settle"}';
  end if;

  v_answer := app.gate(v_message.lead_id, v_message.author, v_message.in_reply_to);
  if v_answer.retry_at is not null then
    perform app.put_off_job(p_job_id, v_answer.retry_at);
    return null;
  elsif v_answer.refusal is not null then
    update app.messages set status = 'withheld' where id = v_message.id and status = 'pending';
    perform app.finish_job(p_job_id, 'done', 'refused_' || v_answer.refusal);
    return null;
  end if;
  v_turn := app.paced_until(v_message.sender_phone, true);
  if v_turn is not null then
    perform app.put_off_job(p_job_id, v_turn);
    return null;
  end if;
  update app.messages
  set attempted_at = app.clock(), legal_basis = v_answer.legal_basis
  where id = v_message.id;
  return app.send_work(p_job_id);
end;
$function$;
comment on function app.work_of(uuid) is 'What the holder of a claimed job is to do.';

CREATE OR REPLACE FUNCTION public.add_number(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_business_id uuid;
begin
  insert into app.sender_numbers (phone) values (request ->> 'phone') on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'known');
  end if;
  select b.id into v_business_id
  from app.businesses b
  where b.state = 'active'
    and not exists (select from app.sender_numbers n where n.business_id = b.id)
  order by b.created_at, b.id
  limit 1
  for no key update skip locked;
  if found then
    perform app.assign_number(v_business_id);
  end if;
  return jsonb_build_object(
    'outcome', 'added',
    'business_id', (select n.business_id from app.sender_numbers n where n.phone = request ->> 'phone')
  );
end;
$function$;
comment on function public.add_number(jsonb) is 'Adds a number of ours (phone), for the shop that waits for one or the next that will. Outcome: added (with the shop that has it), or known.';
grant execute on function public.add_number(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.advance_stripe_listing(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.advance_stripe_listing(jsonb) is 'Moves on to after the event next (or back to the beginning), or ends the listing. Outcome: advanced, or behind: another was faster.';
grant execute on function public.advance_stripe_listing(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.apply_status(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_message app.messages;
  v_holder app.messages;
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
  end if;

  -- First of all: a row that refers to the text holds it, and whoever gives the
  -- text its SID waits for that. Callbacks that come at once would wait crosswise.
  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;

  insert into app.status_events (message_id, twilio_sid, status, error_code, fields)
  values (
    v_message.id, request ->> 'twilio_sid', request ->> 'status',
    (request ->> 'error_code')::integer, coalesce(request -> 'fields', '{}')
  );
  -- A state that texts of ours do not have, or that Twilio came up with since.
  if app.status_rank(request ->> 'status') is null then
    return jsonb_build_object('outcome', 'ignored');
  end if;
  insert into app.webhook_events (provider, event_id, type)
  values (
    'twilio',
    concat_ws(':', request ->> 'twilio_sid', request ->> 'status', request ->> 'error_code'),
    'status'
  )
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate');
  end if;

  -- A look-up may have taken this text for another to the lead that reads the
  -- same. Then that one has its status, and this one is looked up in its turn.
  select * into v_holder from app.messages where twilio_sid = request ->> 'twilio_sid';
  if v_holder.lead_id = v_message.lead_id and v_holder.id <> v_message.id then
    v_message := v_holder;
    select id into v_job_id
    from app.jobs
    where kind = 'send' and message_id = v_message.id
    for no key update;
  end if;
  perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
  if not app.advance_message(
    v_message.id, request ->> 'twilio_sid', request ->> 'status', (request ->> 'error_code')::integer
  ) then
    return jsonb_build_object('outcome', 'conflict');
  end if;
  perform app.finish_job(v_job_id, 'done', 'accepted');
  return jsonb_build_object('outcome', 'applied');
end;
$function$;
comment on function public.apply_status(jsonb) is 'Keeps a status callback, and applies it once. Outcome: applied, duplicate, ignored, conflict, or unknown_message.';
grant execute on function public.apply_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.apply_stripe_event(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.apply_stripe_event(jsonb) is 'Takes in an event of Stripe''s. Outcome: ignored (and logged), duplicate, or fetch: the subscription is to be asked for and stored over this version.';
grant execute on function public.apply_stripe_event(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.backup_chunk(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object('file', c.file, 'rows', c.rows, 'lines', c.lines)
  from (values (null)) v
  left join app.backup_chunks c
    on c.snapshot_id = (request ->> 'snapshot_id')::uuid
    and c.number = (request ->> 'number')::integer;
$function$;
comment on function public.backup_chunk(jsonb) is 'The chunk number of a snapshot of an account; its file is null if the snapshot has been lost or replaced.';
grant execute on function public.backup_chunk(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.begin_restore(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures := app.hold_restore(request);
begin
  return jsonb_build_object(
    'business_id', v_closure.business_id,
    'storage_path', v_closure.storage_path,
    'key_id', v_closure.key_id,
    'wrapped_key', translate(encode(v_closure.wrapped_key, 'base64'), e'\n', ''),
    'byte_count', v_closure.byte_count,
    'sha256', encode(v_closure.sha256, 'hex'),
    'counts', v_closure.counts
  );
end;
$function$;
comment on function public.begin_restore(jsonb) is 'What it takes to open the backup of a closed account (closure_id). PT404: there is none; PT409: it is restored; PT410: its backup is past its time; PT425: it is still being closed.';
grant execute on function public.begin_restore(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.begin_retention(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_run_id uuid;
begin
  insert into app.retention_runs default values returning id into v_run_id;
  insert into app.audit_events (actor, action, subject_id)
  values ('system', 'retention_run', v_run_id);
  return jsonb_build_object('run_id', v_run_id);
end;
$function$;
comment on function public.begin_retention(jsonb) is 'Opens the record of a run of cron/retention.';
grant execute on function public.begin_retention(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.begin_scan(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_scan_id uuid := app.uuid_v7();
begin
  insert into app.audit_events (actor, action, subject_id)
  values ('operator', 'scan', v_scan_id);
  return jsonb_build_object(
    'tables', (
      select jsonb_agg(
        jsonb_build_object(
          'schema', s.schema,
          'name', s.name,
          'pages', case
            when s.is_paged then
              pg_relation_size(s.relation) / current_setting('block_size')::bigint
          end,
          'is_readable',
            has_schema_privilege(s.schema, 'usage') and has_table_privilege(s.relation, 'select')
        )
        order by s.schema, s.name
      )
      from app.scanned() s
    ),
    'buckets', (select coalesce(jsonb_agg(b.id order by b.id), '[]') from storage.buckets b)
  );
end;
$function$;
comment on function public.begin_scan(jsonb) is 'What there is to search: tables, how many pages each has (null if it is read whole), whether it can be read; and buckets.';
grant execute on function public.begin_scan(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.certify_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'certificate' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(v_closure, '{}');
  update app.closures
  set certificate = request ->> 'certificate',
      state = 'done',
      finished_at = app.clock(),
      owner_id = null
  where id = v_closure.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'system', 'closure_completed', v_closure.id);
  return jsonb_build_object('outcome', 'finished');
end;
$function$;
comment on function public.certify_closure(jsonb) is 'Ends a closure with its certificate. Outcome: finished or stale.';
grant execute on function public.certify_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.check_deadlines(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- Once for each, not every day.
  insert into app.audit_events (business_id, actor, action, subject_id)
  select o.business_id, 'system', o.kind || '_overdue', o.id
  from app.overdue() o
  where not exists (
    select
    from app.audit_events a
    where a.action = o.kind || '_overdue'
      and a.at >= o.since
      and a.subject_id is not distinct from o.id
  );
  return jsonb_build_object(
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 100) o
    )
  );
end;
$function$;
comment on function public.check_deadlines(jsonb) is 'The 100 longest overdue obligations, each of which is in the audit trail from then on.';
grant execute on function public.check_deadlines(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.claim_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures;
begin
  update app.closures
  set run_at = app.clock() + app.closure_lease(), fencing_token = fencing_token + 1
  where id = (
    select id
    from app.closures
    where state = 'open' and run_at <= app.clock()
    order by run_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_closure;
  return jsonb_build_object(
    'work', case when found then app.closure_work(v_closure) end,
    'overdue', (select count(*) from app.closures c where app.is_overdue(c))
  );
end;
$function$;
comment on function public.claim_closure(jsonb) is 'Claims a closure that is due to be worked on, and tells how many are overdue.';
grant execute on function public.claim_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.claim_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_export app.exports;
begin
  update app.exports
  set run_at = app.clock() + app.export_lease(),
      attempts = attempts + 1,
      fencing_token = fencing_token + 1
  where id = (
    select id
    from app.exports
    where state = 'open' and run_at <= app.clock()
    order by due_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_export;
  return jsonb_build_object(
    'work', case when found then app.export_work(v_export) end,
    'close_to_due', (
      select count(*)
      from app.exports e
      where e.state in ('unconfirmed', 'open') and app.is_close_to_due(e)
    )
  );
end;
$function$;
comment on function public.claim_export(jsonb) is 'Claims the most urgent export that is due to be worked on, and tells how many are close to their due date.';
grant execute on function public.claim_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.claim_jobs(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_claimed uuid[];
  v_job_id uuid;
  v_work jsonb := '[]';
begin
  with due as (
    select id
    from app.jobs
    where state = 'open' and run_at <= app.clock()
    order by run_at
    limit (request ->> 'limit')::integer
    for update skip locked
  ), claimed as (
    update app.jobs j
    set run_at = app.clock() + app.lease(),
        attempts = attempts + 1,
        fencing_token = fencing_token + 1
    from due
    where j.id = due.id
    returning j.id
  )
  select array_agg(id) into v_claimed from claimed;
  if v_claimed is null then
    return jsonb_build_object('work', v_work, 'claimed', 0);
  end if;

  for v_job_id in
    select j.id
    from app.jobs j
    join app.messages m on m.id = j.message_id
    where j.id = any (v_claimed)
    order by m.lead_id, j.id
  loop
    v_work := v_work || coalesce(app.work_of(v_job_id), '[]');
  end loop;

  -- All that was due may have been put off; the caller comes again only for more.
  return jsonb_build_object('work', v_work, 'claimed', cardinality(v_claimed));
end;
$function$;
comment on function public.claim_jobs(jsonb) is 'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns how many it claimed, and the work that is left to do for them.';
grant execute on function public.claim_jobs(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.claim_twilio_redactions(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with claimed as (
    update app.twilio_redactions
    set run_at = app.clock() + app.lease(), attempts = attempts + 1
    where message_sid in (
      select message_sid
      from app.twilio_redactions
      where run_at <= app.clock()
      order by run_at
      limit (request ->> 'limit')::integer
      for update skip locked
    )
    returning message_sid, media_sids
  )
  select jsonb_build_object(
    'texts', coalesce(
      jsonb_agg(jsonb_build_object('message_sid', c.message_sid, 'media_sids', c.media_sids)), '[]'
    )
  )
  from claimed c;
$function$;
comment on function public.claim_twilio_redactions(jsonb) is 'Claims texts that Twilio is to forget, as many as limit says.';
grant execute on function public.claim_twilio_redactions(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.closure_keys(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'keys', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'closure_id', k.id,
          'storage_path', k.storage_path,
          'key_id', k.key_id,
          'wrapped_key', translate(encode(k.wrapped_key, 'base64'), e'\n', '')
        )
        order by k.id
      ),
      '[]'
    )
  )
  from (
    select c.id, c.storage_path, c.key_id, c.wrapped_key
    from app.closures c
    where c.wrapped_key is not null
      and c.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by c.id
    limit 200
  ) k;
$function$;
comment on function public.closure_keys(jsonb) is 'The wrapped keys of sealed backups, 200 after the closure after.';
grant execute on function public.closure_keys(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.closure_status(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with under_way as (
    select c.*, app.is_overdue(c) as is_overdue
    from app.closures c
    where c.state = 'open'
  )
  select jsonb_build_object(
    'closures_under_way', count(*) filter (where u.step <> 'key'),
    'closures_sealed', count(*) filter (where u.step = 'key'),
    'closures_overdue', count(*) filter (where u.is_overdue),
    'closures_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'closure_id', m.id, 'business_id', m.business_id, 'step', m.step,
            'requested_at', m.requested_at, 'purge_at', m.purge_at, 'run_at', m.run_at,
            'faults', m.faults, 'last_fault', m.last_fault, 'is_overdue', m.is_overdue
          )
          order by m.is_overdue desc, m.run_at
        ),
        '[]'
      )
      from (
        select *
        from under_way
        where step <> 'key' or is_overdue
        order by is_overdue desc, run_at
        limit 20
      ) m
    ),
    'texts_twilio_is_to_forget', (select count(*) from app.twilio_redactions),
    'texts_twilio_does_not_forget', (
      select count(*) from app.twilio_redactions where attempts > 10
    )
  )
  from (select request) r
  left join under_way u on true;
$function$;
comment on function public.closure_status(jsonb) is 'How many accounts are being closed, at which step, and which of them are overdue.';
grant execute on function public.closure_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.correct_lead(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_current jsonb;
  v_version integer;
begin
  update app.leads
  set name = request ->> 'name',
      email = request ->> 'email',
      notes = request ->> 'notes',
      version = version + 1
  where id = v_lead.id and version = (request ->> 'version')::integer
  returning version into v_version;
  if not found then
    select app.lead_view(l, b.time_zone) into v_current
    from app.leads l
    join app.businesses b on b.id = l.business_id
    where l.id = v_lead.id;
    if not found then
      raise sqlstate 'PT404' using message = 'the owner has no such lead';
    end if;
    -- The answer to this very call was lost, and it is made again.
    if (v_current ->> 'version')::integer = (request ->> 'version')::integer + 1
      and (v_current ->> 'name') is not distinct from (request ->> 'name')
      and (v_current ->> 'email') is not distinct from (request ->> 'email')
      and (v_current ->> 'notes') is not distinct from (request ->> 'notes')
    then
      return jsonb_build_object('outcome', 'saved', 'version', v_current -> 'version');
    end if;
    return jsonb_build_object('outcome', 'conflict', 'current', v_current);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'lead_corrected', v_lead.id);
  return jsonb_build_object('outcome', 'saved', 'version', v_version);
end;
$function$;
comment on function public.correct_lead(jsonb) is 'Corrects name, email and notes of a lead (lead_id) over the version that was read. Outcome: saved (with the new version), or conflict (with the current lead).';
grant execute on function public.correct_lead(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.count_refusals(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into app.refusals as r (day, function, reason, count)
  select (app.clock() at time zone 'UTC')::date, request ->> 'function', c.key, c.value::bigint
  from jsonb_each_text(request -> 'counts') c
  -- Two that add at once must not wait for each other crosswise.
  order by c.key
  on conflict (day, function, reason) do update set count = r.count + excluded.count;
  return jsonb_build_object('outcome', 'counted');
end;
$function$;
comment on function public.count_refusals(jsonb) is 'Adds to the counts of refused requests: function, and counts by reason.';
grant execute on function public.count_refusals(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.end_backup(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '60s'
AS $function$
  with gone as (
    delete from app.backup_chunks
    where snapshot_id = (request ->> 'snapshot_id')::uuid
    returning number
  )
  select jsonb_build_object('chunks', count(*)) from gone;
$function$;
comment on function public.end_backup(jsonb) is 'Deletes the rows of a snapshot: the backup is stored, or given up.';
grant execute on function public.end_backup(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.end_closure_billing(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'billing' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(
    v_closure, jsonb_build_object('subscriptions_live', (request ->> 'subscriptions_live')::integer)
  );
  return jsonb_build_object('outcome', 'finished');
end;
$function$;
comment on function public.end_closure_billing(jsonb) is 'Records that Stripe has no subscription of a closed shop that could still be paid. Outcome: finished or stale.';
grant execute on function public.end_closure_billing(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.erase_from_backup(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found or v_closure.wrapped_key is null then
    raise sqlstate 'PT404' using message = 'there is no such closure, or it has no backup any more';
  end if;
  insert into app.erased_leads (closure_id, phone_hmac)
  values (v_closure.id, decode(request ->> 'phone_hmac', 'hex'))
  on conflict do nothing;
  if found then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'operator', 'lead_erased_from_backup', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'erased', 'purge_at', v_closure.purge_at);
end;
$function$;
comment on function public.erase_from_backup(jsonb) is 'Has a person (phone_hmac) stay erased when a closed account (closure_id) is restored. Nobody is told whether the backup has them: it is sealed.';
grant execute on function public.erase_from_backup(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.erase_lead(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_texts bigint;
begin
  -- In the order job, lead, message.
  perform
  from app.jobs j
  where j.message_id in (select m.id from app.messages m where m.lead_id = v_lead.id)
  order by j.id
  for update;
  perform from app.leads where id = v_lead.id for update;

  -- Again, for what came before the lead was locked: whoever makes a job holds it.
  delete from app.jobs j
  using app.messages m
  where m.id = j.message_id and m.lead_id = v_lead.id;
  delete from app.status_events s
  using app.messages m
  where m.id = s.message_id and m.lead_id = v_lead.id;
  with gone as (
    delete from app.media p
    using app.messages m
    where m.id = p.message_id and m.lead_id = v_lead.id
    returning p.storage_path
  )
  insert into app.object_deletions (bucket, path)
  select 'media', storage_path
  from gone
  on conflict do nothing;
  delete from app.messages where lead_id = v_lead.id;
  get diagnostics v_texts = row_count;
  update app.consent_events
  set wording = null, wording_salt = null
  where business_id = v_lead.business_id
    and phone_hmac = v_lead.phone_hmac
    and wording is not null;
  delete from app.leads where id = v_lead.id;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'lead_erased', v_lead.id);
  return jsonb_build_object('outcome', 'erased', 'texts', v_texts);
end;
$function$;
comment on function public.erase_lead(jsonb) is 'Erases one person (lead_id) of the session''s owner: the texts, what is known of them, their wording in the ledger. Suppressions and the ledger stay, under a keyed hash.';
grant execute on function public.erase_lead(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.expire_exports(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with expired as (
    update app.exports
    set state = 'expired'
    where id in (select value::uuid from jsonb_array_elements_text(request -> 'export_ids'))
      and state = 'ready'
      and expires_at <= app.clock()
    returning id, business_id
  ),
  noted as (
    insert into app.audit_events (business_id, actor, action, subject_id)
    select business_id, 'system', 'export_deleted', id
    from expired
    returning id
  )
  select jsonb_build_object('expired', (select count(*) from noted));
$function$;
comment on function public.expire_exports(jsonb) is 'Records that bundles which are past their time (export_ids) are deleted.';
grant execute on function public.expire_exports(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.expired_exports(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'exports', coalesce(
      jsonb_agg(jsonb_build_object('export_id', e.id, 'storage_path', e.storage_path)), '[]'
    )
  )
  from (
    select x.id, x.storage_path
    from (select request) r
    join app.exports x on x.state = 'ready' and x.expires_at <= app.clock()
    order by x.expires_at
    limit 50
  ) e;
$function$;
comment on function public.expired_exports(jsonb) is 'Bundles that are past their time, 50 of them.';
grant execute on function public.expired_exports(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.export_chunk(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_export app.exports := app.hold_export(request);
  v_chunk app.export_chunks;
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  select * into v_chunk
  from app.export_chunks
  where export_id = v_export.id and number = (request ->> 'number')::integer;
  if not found then
    -- The database has crashed since: begin anew.
    update app.exports
    set snapshot = null, snapshot_at = null, counts = null, chunk_count = null, rows_total = null,
        rows_done = 0
    where id = v_export.id;
    return jsonb_build_object('outcome', 'lost');
  end if;
  update app.exports set rows_done = v_chunk.rows_before + v_chunk.rows where id = v_export.id;
  return jsonb_build_object(
    'outcome', 'chunk', 'file', v_chunk.file, 'rows', v_chunk.rows, 'lines', v_chunk.lines
  );
end;
$function$;
comment on function public.export_chunk(jsonb) is 'The chunk number of an export''s rows. Outcome: chunk, stale, or lost if the rows have to be gathered anew.';
grant execute on function public.export_chunk(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.export_consent(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_hmac bytea := decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_ledger app.consent_ledgers;
  v_lead_id uuid;
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'shop';
  if not found then
    raise sqlstate 'PT404' using message = 'no shop has this number';
  end if;
  select * into v_ledger
  from app.consent_ledgers
  where business_id = v_business.id and phone_hmac = v_hmac;
  select id into v_lead_id
  from app.leads
  where business_id = v_business.id and phone_hmac = v_hmac;

  return jsonb_build_object(
    'format', 'leadslock consent export 1',
    'made_at', app.ledger_time(app.clock()),
    'business', jsonb_build_object(
      'id', v_business.id,
      'name', v_business.name,
      'mailing_address', v_business.mailing_address,
      'contact_email', v_business.contact_email,
      'contact_phone', v_business.contact_phone,
      'website', v_business.website
    ),
    'phone_hmac', request ->> 'phone_hmac',
    'standing', jsonb_build_object(
      'express_since', app.ledger_time(v_ledger.express_since),
      'inquiry_until', app.ledger_time(v_ledger.inquiry_until),
      'purchase_until', app.ledger_time(v_ledger.purchase_until),
      'suppressed', (
        select coalesce(
          jsonb_agg(
            jsonb_build_object(
              'sender_phone', s.sender_phone, 'reason', s.reason, 'since', app.ledger_time(s.since)
            )
            order by s.sender_phone
          ),
          '[]'
        )
        from app.sender_numbers n
        join app.suppressions s on s.sender_phone = n.phone
        where n.business_id = v_business.id and s.phone_hmac = v_hmac
      )
    ),
    'chain', jsonb_build_object(
      'length', coalesce(v_ledger.length, 0),
      'head', encode(v_ledger.head, 'hex'),
      'first_break', app.first_break_of_consent(v_business.id, v_hmac)
    ),
    'events', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', e.id,
            'sequence', e.sequence,
            'lead_id', e.lead_id,
            'message_id', e.message_id,
            'change', e.change,
            'basis', e.basis,
            'source', e.source,
            'rule', e.rule,
            'wording', e.wording,
            'wording_salt', encode(e.wording_salt, 'hex'),
            'wording_digest', encode(e.wording_digest, 'hex'),
            'at', app.ledger_time(e.at),
            'expires_at', app.ledger_time(e.expires_at),
            'previous_hash', encode(e.previous_hash, 'hex'),
            'hash', encode(e.hash, 'hex')
          )
          order by e.sequence
        ),
        '[]'
      )
      from app.consent_events e
      where e.business_id = v_business.id and e.phone_hmac = v_hmac
    ),
    'texts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', t.id,
            'at', app.ledger_time(t.created_at),
            'direction', t.direction,
            'author', t.author,
            'legal_basis', t.legal_basis,
            'in_reply_to', t.in_reply_to,
            'status', t.status,
            'body', t.body
          )
          order by t.id
        ),
        '[]'
      )
      from (
        select *
        from app.messages m
        where m.lead_id = v_lead_id
          and m.id > coalesce((request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000')
        order by m.id
        limit 200
      ) t
    )
  );
end;
$function$;
comment on function public.export_consent(jsonb) is 'The evidence of consent of one phone number (phone_hmac) at the shop that has the number shop, and 200 texts after texts_after.';
grant execute on function public.export_consent(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.export_lead(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
begin
  return jsonb_build_object(
    'format', 'leadslock lead export 1',
    'made_at', app.clock(),
    'person', (
      select to_jsonb(p)
      from (
        select v_lead.id, v_lead.phone, v_lead.name, v_lead.email, v_lead.notes, v_lead.language,
          v_lead.created_at, v_lead.last_inbound_at
      ) p
    ),
    'consent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'at', e.at, 'change', e.change, 'basis', e.basis, 'source', e.source,
            'wording', e.wording, 'message_id', e.message_id, 'expires_at', e.expires_at
          )
          order by e.sequence
        ),
        '[]'
      )
      from app.consent_events e
      where e.business_id = v_lead.business_id and e.phone_hmac = v_lead.phone_hmac
    ),
    'suppressed', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('sender_phone', s.sender_phone, 'reason', s.reason, 'since', s.since)
          order by s.sender_phone
        ),
        '[]'
      )
      from app.sender_numbers n
      join app.suppressions s on s.sender_phone = n.phone
      where n.business_id = v_lead.business_id and s.phone_hmac = v_lead.phone_hmac
    ),
    'texts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', t.id, 'at', t.created_at, 'direction', t.direction, 'author', t.author,
            'body', t.body, 'legal_basis', t.legal_basis, 'status', t.status,
            'pictures', (
              select count(*) from app.media p where p.message_id = t.id and p.state = 'stored'
            )
          )
          order by t.id
        ),
        '[]'
      )
      from (
        select *
        from app.messages m
        where m.lead_id = v_lead.id
          and m.id > coalesce((request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000')
        order by m.id
        limit 200
      ) t
    )
  );
end;
$function$;
comment on function public.export_lead(jsonb) is 'Everything about one person (lead_id) for the session''s owner to hand over, with 200 texts after texts_after.';
grant execute on function public.export_lead(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.export_status(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with owed as (
    select e.*, e.due_at <= app.clock() as is_overdue, app.is_close_to_due(e) as is_close
    from app.exports e
    where e.state in ('unconfirmed', 'open')
  )
  select jsonb_build_object(
    'exports_open', count(*) filter (where state = 'open'),
    'exports_unconfirmed', count(*) filter (where state = 'unconfirmed'),
    'exports_close_to_due', count(*) filter (where is_close and not is_overdue),
    'exports_overdue', count(*) filter (where is_overdue),
    'exports_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'export_id', u.id, 'business_id', u.business_id, 'state', u.state, 'due_on', u.due_on,
            'attempts', u.attempts, 'last_fault', u.last_fault
          )
          order by u.due_at
        ),
        '[]'
      )
      from (select * from owed where is_close order by due_at limit 20) u
    )
  )
  from (select request) r
  left join owed on true;
$function$;
comment on function public.export_status(jsonb) is 'How many exports are owed, and which of them are close to due (60 % of the time is over) or overdue.';
grant execute on function public.export_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.fail_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set faults = faults + 1,
      last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '1 hour', interval '10 seconds' * power(2, least(faults, 10)))
  where id = v_closure.id;
  if v_closure.faults + 1 = 10 then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'system', 'closure_stuck', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'postponed');
end;
$function$;
comment on function public.fail_closure(jsonb) is 'Has a closure tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.fail_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '15 minutes', interval '10 seconds' * power(2, least(attempts, 10)))
  where id = v_export.id;
  return jsonb_build_object('outcome', 'postponed');
end;
$function$;
comment on function public.fail_export(jsonb) is 'Has an export tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.finish_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '60s'
AS $function$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set state = 'ready',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      finished_at = app.clock(),
      expires_at = app.clock() + interval '7 days',
      last_fault = null
  where id = v_export.id;
  delete from app.export_chunks where export_id = v_export.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_export.business_id, 'system', 'export_ready', v_export.id);
  return jsonb_build_object('outcome', 'ready');
end;
$function$;
comment on function public.finish_export(jsonb) is 'Records that the bundle is stored (byte_count, sha256 in hex). Outcome: ready or stale.';
grant execute on function public.finish_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.finish_restore(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '120s'
AS $function$
declare
  v_closure app.closures;
  v_table record;
  v_count bigint;
  v_left_out bigint;
  v_withdrawn integer;
begin
  perform
  from app.businesses
  where id = (
    select business_id from app.closures where id = (request ->> 'closure_id')::uuid
  )
  for no key update;
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid and restored_at is not null;
  if found then
    -- The answer to the call before got lost.
    return jsonb_build_object('outcome', 'restored');
  end if;
  v_closure := app.hold_restore(request);

  -- Counted anew, by what the backup was made with. A late callback of Twilio's may
  -- have added to them.
  for v_table in select * from app.backup_tables() order by place loop
    execute format('select count(*) from (select from %s) c', v_table.source)
    into v_count
    using v_closure.business_id;
    v_left_out := coalesce((request -> 'left_out' ->> v_table.name)::bigint, 0);
    if v_count + v_left_out < coalesce((v_closure.counts ->> v_table.name)::bigint, 0) then
      raise sqlstate 'PT422' using message = 'rows are missing';
    end if;
  end loop;

  v_withdrawn := app.withdraw_suppressed(
    v_closure.business_id, coalesce(request -> 'numbers_lost', '[]')
  );
  update app.businesses set state = 'active' where id = v_closure.business_id;
  -- The key is gone with this; object and certificate follow at once.
  update app.closures
  set restored_at = app.clock(),
      wrapped_key = null,
      purge_at = app.clock(),
      run_at = app.clock()
  where id = v_closure.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'operator', 'account_restored', v_closure.id);
  return jsonb_build_object('outcome', 'restored', 'opted_out_meanwhile', v_withdrawn);
end;
$function$;
comment on function public.finish_restore(jsonb) is 'Opens a restored shop again (closure_id), if all rows of its backup are there but those left_out (by table, numbers_lost among them), and destroys the backup''s key. PT422: not all rows are there.';
grant execute on function public.finish_restore(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.finish_retention(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  update app.retention_runs
  set finished_at = app.clock(), is_complete = (request ->> 'is_complete')::boolean
  where id = (request ->> 'run_id')::uuid;
  return jsonb_build_object('outcome', case when found then 'finished' else 'unknown' end);
end;
$function$;
comment on function public.finish_retention(jsonb) is 'Closes the record of a run (run_id), and says whether nothing was left to do (is_complete).';
grant execute on function public.finish_retention(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.link_stripe_customer(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.link_stripe_customer(jsonb) is 'Remembers which shop of the owner''s a new customer of Stripe''s is.';
grant execute on function public.link_stripe_customer(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.list_activity(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_ids uuid[];
  v_events jsonb;
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'at', app.moment(p.at, v_time_zone),
        'actor', p.actor,
        'action', p.action,
        'subject_id', p.subject_id
      )
      order by p.id desc
    )
  into v_ids, v_events
  from (
    select q.*
    from (
      select a.id, a.at, a.actor, a.action, a.subject_id
      from app.audit_events a
      where a.business_id = v_business_id and a.id < v_before_id
      order by a.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;
  return jsonb_build_object(
    'shop', v_shop,
    'events', coalesce(
      case when cardinality(v_ids) > v_limit then v_events - v_limit else v_events end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$function$;
comment on function public.list_activity(jsonb) is 'A page (limit, before) of what was done in the account, the newest first.';
grant execute on function public.list_activity(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.list_conversations(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_filter text := coalesce(request ->> 'filter', 'all');
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_before timestamptz := app.cursor_time(request ->> 'before');
  v_leads uuid[];
  v_cursors text[];
  v_conversations jsonb;
begin
  if v_filter = 'all' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into v_leads, v_cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = v_business_id and c.last_message_id < v_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif v_filter = 'unanswered' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into v_leads, v_cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = v_business_id and c.is_unanswered and c.last_message_id < v_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif v_filter = 'flagged' then
    select array_agg(p.id order by p.needs_owner_since desc, p.id desc),
      array_agg(app.time_cursor(p.needs_owner_since, p.id) order by p.needs_owner_since desc, p.id desc)
    into v_leads, v_cursors
    from (
      select l.id, l.needs_owner_since
      from app.leads l
      where l.business_id = v_business_id
        and l.needs_owner_since is not null
        and (l.needs_owner_since, l.id) < (v_before, v_before_id)
      order by l.needs_owner_since desc, l.id desc
      limit 101
    ) p;
  elsif v_filter = 'opted_out' then
    select array_agg(p.lead_id order by p.suppressed_at desc, p.lead_id desc),
      array_agg(
        app.time_cursor(p.suppressed_at, p.lead_id) order by p.suppressed_at desc, p.lead_id desc
      )
    into v_leads, v_cursors
    from (
      select c.lead_id, c.suppressed_at
      from app.conversations c
      where c.business_id = v_business_id
        and c.suppressed_at is not null
        and (c.suppressed_at, c.lead_id) < (v_before, v_before_id)
      order by c.suppressed_at desc, c.lead_id desc
      limit 101
    ) p;
  else
    raise sqlstate 'PT400' using message = 'there is no such filter';
  end if;

  select jsonb_agg(
    jsonb_build_object(
      'lead', l.id,
      'name', l.name,
      'phone', l.phone,
      'last_text', case
        when m.id is not null then jsonb_build_object(
          'author', m.author,
          'body', left(m.body, 160),
          'is_cut', char_length(m.body) > 160,
          'media_count', m.media_count,
          'at', app.moment(m.created_at, v_time_zone),
          'status', m.status
        )
      end,
      'flag', l.needs_owner_reason,
      'flagged_at', app.moment(l.needs_owner_since, v_time_zone),
      'is_unanswered', coalesce(c.is_unanswered, false),
      'assistant_answers', l.taken_over_at is null,
      'suppressed', o.reason
    )
    order by t.place
  )
  into v_conversations
  from unnest(v_leads[:v_limit]) with ordinality t (lead_id, place)
  join app.leads l on l.id = t.lead_id
  left join app.conversations c on c.lead_id = l.id
  left join app.messages m on m.id = c.last_message_id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = v_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;

  return jsonb_build_object(
    'shop', v_shop,
    'conversations', coalesce(v_conversations, '[]'),
    'next', case when cardinality(v_leads) > v_limit then v_cursors[v_limit] end
  );
end;
$function$;
comment on function public.list_conversations(jsonb) is 'A page (limit, before) of conversations, by filter: all, unanswered, flagged or opted_out; the newest first.';
grant execute on function public.list_conversations(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.list_dead_jobs(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'jobs', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'job_id', d.id,
          'kind', d.kind,
          'message_id', d.message_id,
          'business_id', d.business_id,
          'created_at', d.created_at,
          'gave_up_at', d.finished_at,
          'attempts', d.attempts,
          'outcome', d.outcome
        )
        order by d.id
      ),
      '[]'
    )
  )
  from (
    select j.*, m.business_id
    from app.jobs j
    left join app.messages m on m.id = j.message_id
    where j.state = 'dead'
      and j.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by j.id
    limit 100
  ) d;
$function$;
comment on function public.list_dead_jobs(jsonb) is 'Jobs that were given up, 100 after the job after.';
grant execute on function public.list_dead_jobs(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.list_leads(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_name text := lower(request #>> '{search,name}');
  v_phone text := request #>> '{search,phone}';
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_last app.leads;
  v_ids uuid[];
  v_leads jsonb;
begin
  if request ->> 'before' is not null then
    select l.* into v_last
    from app.leads l
    where l.id = v_before_id and l.business_id = v_business_id;
  end if;

  if v_phone is not null then
    select array_agg(p.id order by p.phone) into v_ids
    from (
      select l.id, l.phone
      from app.leads l
      where l.business_id = v_business_id
        and l.phone >= v_phone
        -- Digits sort alike in every language; what comes after them does not.
        and l.phone <= v_phone || repeat('9', 20)
        and l.phone > coalesce(v_last.phone::text, '')
      order by l.phone
      limit 101
    ) p;
  elsif v_name is not null then
    select array_agg(p.id order by p.name_key, p.id) into v_ids
    from (
      select l.id, l.name_key
      from app.leads l
      where l.business_id = v_business_id
        and l.name_key is not null
        and l.name_key >= v_name collate "C"
        and l.name_key < (v_name || chr(1114111)) collate "C"
        and (l.name_key, l.id) > (
          coalesce(v_last.name_key, '') collate "C",
          coalesce(v_last.id, '00000000-0000-0000-0000-000000000000')
        )
      order by l.name_key, l.id
      limit 101
    ) p;
  else
    select array_agg(p.id order by p.id desc) into v_ids
    from (
      select l.id
      from app.leads l
      where l.business_id = v_business_id and l.id < v_before_id
      order by l.id desc
      limit 101
    ) p;
  end if;

  select jsonb_agg(
    jsonb_build_object(
      'id', l.id,
      'phone', l.phone,
      'name', l.name,
      'email', l.email,
      'created_at', app.moment(l.created_at, v_time_zone),
      'last_inbound_at', app.moment(l.last_inbound_at, v_time_zone),
      'suppressed', o.reason
    )
    order by t.place
  )
  into v_leads
  from unnest(v_ids[:v_limit]) with ordinality t (id, place)
  join app.leads l on l.id = t.id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = v_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;

  return jsonb_build_object(
    'shop', v_shop,
    'leads', coalesce(v_leads, '[]'),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$function$;
comment on function public.list_leads(jsonb) is 'A page (limit, before) of leads: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';
grant execute on function public.list_leads(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.next_closure_step(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '60s'
AS $function$
declare
  v_closure app.closures := app.hold_closure(request);
  v_objects jsonb;
  v_next timestamptz;
  v_left bigint;
begin
  if v_closure.id is null then
    return '{"step": "stale"}';
  end if;
  case v_closure.step
    when 'billing' then
      return jsonb_build_object(
        'step', 'billing',
        'customers', (
          select coalesce(jsonb_agg(c.id order by c.id), '[]')
          from app.stripe_customers c
          where c.business_id = v_closure.business_id
        ),
        'subscriptions', (
          select coalesce(jsonb_agg(s.id order by s.id), '[]')
          from app.subscriptions s
          where s.business_id = v_closure.business_id
            and s.status not in ('canceled', 'incomplete_expired')
        )
      );

    when 'settle' then
      if not app.is_settled(v_closure) then
        return app.put_off_closure(
          v_closure,
          greatest(v_closure.requested_at + app.lease(), app.clock() + interval '30 seconds')
        );
      end if;
      perform app.finish_step(v_closure, '{}');

    when 'seal' then
      return jsonb_build_object(
        'step', 'seal',
        -- Another one for each holder: one that comes late replaces nothing.
        'storage_path', format('%s/%s', v_closure.id, v_closure.fencing_token)
      );

    when 'rows' then
      if not app.erase_rows(v_closure) then
        perform app.erase_shop(v_closure);
        select * into strict v_closure from app.closures where id = v_closure.id;
        perform app.finish_step(v_closure, v_closure.erased);
      end if;

    when 'files' then
      if not v_closure.erased ? 'objects' then
        perform app.count_erased(
          v_closure, 'objects', (select count(*) from app.objects_of(v_closure))
        );
      end if;
      select jsonb_agg(f) into v_objects from (select * from app.objects_of(v_closure) limit 100) f;
      if v_objects is not null then
        return jsonb_build_object('step', 'files', 'objects', v_objects);
      end if;
      select * into strict v_closure from app.closures where id = v_closure.id;
      perform app.finish_step(
        v_closure, jsonb_build_object('objects', v_closure.erased -> 'objects')
      );

    when 'owner' then
      if v_closure.ends_owner and exists (
        select from app.businesses where owner_id = v_closure.owner_id
      ) then
        -- Another shop of the owner's, closed before, that is not erased yet.
        return app.put_off_closure(v_closure, app.clock() + interval '1 minute');
      end if;
      perform app.finish_step(
        v_closure,
        case when v_closure.ends_owner then app.erase_owner(v_closure) else '{"users": 0}' end
      );

    when 'twilio' then
      select min(run_at), count(*) into v_next, v_left
      from app.twilio_redactions
      where closure_id = v_closure.id;
      -- What Twilio does with its copy does not keep ours: at the purge date the
      -- certificate says how many are left, and they are tried on.
      if v_left > 0 and v_closure.purge_at > app.clock() then
        if v_next <= app.clock() then
          return '{"step": "twilio"}';
        end if;
        return app.put_off_closure(v_closure, least(v_next, v_closure.purge_at));
      end if;
      perform app.finish_step(
        v_closure,
        jsonb_build_object(
          'texts', coalesce(v_closure.erased -> 'texts_at_twilio', '0'), 'texts_left', v_left
        )
      );

    when 'key' then
      if v_closure.purge_at > app.clock() then
        return app.put_off_closure(v_closure, v_closure.purge_at);
      end if;
      -- What a restore that was begun and given up has left goes first.
      if v_closure.restored_at is null
        and exists (select from app.businesses where id = v_closure.business_id)
      then
        if not app.erase_rows(v_closure) then
          perform app.erase_shop(v_closure);
          if v_closure.ends_owner then
            perform app.erase_owner(v_closure);
          end if;
        end if;
        return '{"step": "goes_on"}';
      end if;
      update app.closures set wrapped_key = null where id = v_closure.id;
      perform app.finish_step(v_closure, jsonb_build_object('key_id', v_closure.key_id));

    when 'object' then
      select jsonb_agg(f) into v_objects
      from (
        select * from app.backups_of(v_closure)
        union
        -- What was on its way to a bucket while the account was erased.
        select * from app.objects_of(v_closure) where v_closure.restored_at is null
        limit 100
      ) f;
      if v_objects is not null then
        return jsonb_build_object('step', 'files', 'objects', v_objects);
      end if;
      perform app.finish_step(
        v_closure,
        jsonb_build_object(
          'sha256', encode(v_closure.sha256, 'hex'), 'byte_count', v_closure.byte_count
        )
      );

    when 'certificate' then
      return jsonb_build_object('step', 'certificate', 'content', app.certificate_content(v_closure));
  end case;
  return '{"step": "goes_on"}';
end;
$function$;
comment on function public.next_closure_step(jsonb) is 'What the holder of a closure (closure_id, fencing_token) is to do, or that a piece was done here (goes_on), that it is not due (wait), or that the lease is lost (stale).';
grant execute on function public.next_closure_step(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.number_status(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'numbers_free', (select count(*) from app.sender_numbers where business_id is null),
    'shops_without_a_number', (
      select count(*)
      from app.businesses b
      where b.state = 'active'
        and not exists (select from app.sender_numbers n where n.business_id = b.id)
    )
  )
  from (select request) r;
$function$;
comment on function public.number_status(jsonb) is 'How many numbers wait for a shop, and how many shops for a number.';
grant execute on function public.number_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.objects_deleted(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with deleted as (
    delete from app.object_deletions d
    using jsonb_to_recordset(request -> 'objects') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  )
  select jsonb_build_object('deleted', (select count(*) from deleted));
$function$;
comment on function public.objects_deleted(jsonb) is 'Records that objects are deleted.';
grant execute on function public.objects_deleted(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.objects_to_delete(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'objects', coalesce(jsonb_agg(jsonb_build_object('bucket', o.bucket, 'path', o.path)), '[]')
  )
  from (
    select d.bucket, d.path
    from (select request) r
    cross join app.object_deletions d
    order by d.created_at
    limit 100
  ) o;
$function$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.open_account(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_new jsonb := request -> 'profile';
  v_business_id uuid;
  v_is_new boolean;
begin
  if not exists (
    select from auth.users u where u.id = v_owner_id and u.email_confirmed_at is not null
  ) then
    raise sqlstate 'PT412' using message = 'the e-mail address is not confirmed';
  end if;
  if not app.is_time_zone(v_new ->> 'time_zone') then
    return jsonb_build_object('invalid', 'time_zone');
  end if;

  -- Who posts twice at once has one shop: there is no row yet to lock.
  perform pg_advisory_xact_lock(hashtextextended('open_account ' || v_owner_id, 0));
  select b.id into v_business_id
  from app.businesses b
  where b.owner_id = v_owner_id
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1
  -- Nor does a number that is added now become its second.
  for no key update;
  v_is_new := not found;
  if v_is_new then
    insert into app.businesses (
      owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language,
      about, instructions
    )
    values (
      v_owner_id, v_new ->> 'name', v_new ->> 'mailing_address', v_new ->> 'contact_email',
      v_new ->> 'contact_phone', v_new ->> 'website', v_new ->> 'time_zone', v_new ->> 'language',
      v_new ->> 'about', v_new ->> 'instructions'
    )
    returning id into v_business_id;
    insert into app.audit_events (business_id, actor, action)
    values (v_business_id, 'owner', 'account_opened');
  end if;
  return jsonb_build_object(
    'business_id', v_business_id,
    'is_new', v_is_new,
    'number', (
      select app.assign_number(b.id)
      from app.businesses b
      where b.id = v_business_id and b.state = 'active'
    )
  );
end;
$function$;
comment on function public.open_account(jsonb) is 'Opens the shop (profile) of a session''s owner, once, and gives it a number if one is free.';
grant execute on function public.open_account(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.open_billing(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.open_billing(jsonb) is 'What is needed to send an owner to Checkout or to the billing portal. Outcome: shop, or no_shop.';
grant execute on function public.open_billing(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.purge(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_before timestamptz := app.clock() - make_interval(secs => (request ->> 'seconds')::bigint);
  v_after text := request ->> 'after';
  v_limit integer := (request ->> 'limit')::integer;
  v_kind record;
  v_until text;
  v_page bigint;
  v_is_done boolean;
  v_count bigint;
  v_last text;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = request ->> 'kind';
  if not found then
    raise sqlstate 'PT400' using message = 'there is no such kind';
  end if;
  -- A table of Auth's may be another project's matter.
  if not coalesce(
    has_table_privilege(to_regclass(v_kind.relation), 'select')
      and has_table_privilege(to_regclass(v_kind.relation), 'update')
      and has_table_privilege(to_regclass(v_kind.relation), 'delete'),
    false
  ) then
    return jsonb_build_object('outcome', 'not_permitted');
  end if;

  if v_kind.key_type = 'tid' then
    -- Pages by their numbers, each with more than ten rows.
    v_page := split_part(ltrim(coalesce(v_after, '(0,0)'), '('), ',', 1)::bigint + v_limit / 10;
    v_until := format('(%s,0)', v_page);
    v_is_done :=
      v_page * current_setting('block_size')::bigint >= pg_relation_size(v_kind.relation);
    v_limit := null;
  else
    v_until := app.purge_bound(v_kind.key_type, v_before);
  end if;

  -- Who has locked a row needs it just now; it goes the next time.
  execute format(
    'with due as (
       select %1$s as key, t.ctid as place
       from %2$s t
       where ($2 is null or %1$s >= $2::%3$s) and %1$s < $3::%3$s and (%4$s)
       order by %1$s
       limit $4
       for update skip locked
     ),
     gone as (
       delete from %2$s where ctid = any (array(select place from due)) returning 1
     )
     select (select count(*) from gone), (select key::text from due order by key desc limit 1)',
    't.' || v_kind.key, v_kind.relation, v_kind.key_type, v_kind.condition
  )
  using v_before, v_after, v_until, v_limit
  into v_count, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, v_kind.kind, v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', case when v_kind.key_type = 'tid' then v_until else coalesce(v_last, v_after) end,
    'is_done', coalesce(v_is_done, v_count < v_limit)
  );
end;
$function$;
comment on function public.purge(jsonb) is 'Deletes the oldest rows of a kind that are older than so many seconds, a batch (limit) of them, after the key after. Outcome: purged (count, and after for the next batch unless is_done), or not_permitted.';
grant execute on function public.purge(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.purge_stray_objects(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_count bigint;
  v_read bigint;
  v_last text;
begin
  with read as (
    select o.bucket_id, o.name, o.created_at,
      -- The last folder of a picture, and the name of a bundle.
      case
        when o.name ~ ('^' || u.form || '/' || u.form || case o.bucket_id
            when 'media' then '/[0-9]$'
            when 'exports' then '\.zip$'
          end)
          then left(split_part(o.name, '/', 2), 36)::uuid
      end as id
    from storage.objects o
    cross join (select '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' as form) u
    where o.bucket_id = request ->> 'bucket'
      and o.name > coalesce(request ->> 'after', '')
    order by o.name
    limit (request ->> 'limit')::integer
  ),
  stray as (
    select r.bucket_id, r.name
    from read r
    where r.id is not null
      -- One that has just come is not yet recorded.
      and r.created_at < app.clock() - make_interval(secs => (request ->> 'seconds')::bigint)
      and not exists (
        select
        from app.media m
        where r.bucket_id = 'media'
          and m.message_id = r.id and m.storage_path = r.name and m.state <> 'refused'
      )
      and not exists (
        select
        from app.exports e
        where r.bucket_id = 'exports'
          and e.id = r.id and e.storage_path = r.name and e.state <> 'expired'
      )
  ),
  noted as (
    insert into app.object_deletions (bucket, path)
    select s.bucket_id, s.name
    from stray s
    on conflict do nothing
    returning 1
  )
  select (select count(*) from noted), (select count(*) from read), (select max(name) from read)
  into v_count, v_read, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, 'stray_objects', v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', v_last,
    'is_done', v_read < (request ->> 'limit')::integer
  );
end;
$function$;
comment on function public.purge_stray_objects(jsonb) is 'Has objects of a bucket (media, exports) deleted that no row refers to and that are older than so many seconds: reads so many (limit) after the name after.';
grant execute on function public.purge_stray_objects(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.queue_outbound(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
  v_message app.messages;
  v_queued jsonb;
begin
  select * into v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if not found or v_job.state <> 'open'
    or v_job.fencing_token <> (request ->> 'fencing_token')::bigint
  then
    return jsonb_build_object('outcome', 'stale');
  end if;

  select * into strict v_message from app.messages where id = v_job.message_id;
  v_queued := app.queue_text(
    v_message.lead_id, v_message.sender_phone, 'assistant', request ->> 'body', v_message.id
  );

  if v_queued ->> 'outcome' = 'queued' then
    perform app.finish_job(v_job.id, 'done', 'queued');
  else
    perform app.finish_job(v_job.id, 'done', 'refused_' || (v_queued ->> 'reason'));
    if v_queued ->> 'reason' in ('cap', 'billing') then
      perform app.flag_for_owner(v_message.lead_id, v_queued ->> 'reason');
    end if;
  end if;
  if request ->> 'needs_owner_reason' is not null then
    perform app.flag_for_owner(v_message.lead_id, request ->> 'needs_owner_reason');
  end if;
  return v_queued;
end;
$function$;
comment on function public.queue_outbound(jsonb) is 'Ends a reply job with the assistant''s answer. Outcome: queued (with the text to send), refused (why), or stale (another holds the job).';
grant execute on function public.queue_outbound(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.read_account(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_shop jsonb := app.shop_header(null);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'exports', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', e.id,
            'format', e.format,
            'state', e.state,
            'requested_at', app.moment(e.requested_at, v_time_zone),
            'due_on', e.due_on,
            'rows_done', e.rows_done,
            'rows_total', e.rows_total,
            'snapshot_at', app.moment(e.snapshot_at, v_time_zone),
            'byte_count', e.byte_count,
            'sha256', encode(e.sha256, 'hex'),
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.id desc
        ),
        '[]'
      )
      from (
        select x.id, x.format, x.state, x.requested_at, x.due_on, x.rows_done, x.rows_total,
          x.snapshot_at, x.byte_count, x.sha256, x.expires_at
        from app.exports x
        where x.business_id = (v_shop ->> 'id')::uuid
        order by x.id desc
        limit 20
      ) e
    )
  );
end;
$function$;
comment on function public.read_account(jsonb) is 'The account with its last 20 exports.';
grant execute on function public.read_account(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.read_conversation(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_texts jsonb;
  v_ids uuid[];
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'author', p.author,
        'body', p.body,
        'masked_count', p.masked_count,
        'at', app.moment(p.created_at, v_time_zone),
        'status', p.status,
        'error_code', p.error_code,
        'legal_basis', p.legal_basis,
        'media', case
          when p.media_count > 0 then (
            select coalesce(
              jsonb_agg(
                jsonb_build_object(
                  'position', d.position,
                  'state', d.state,
                  'found_type', d.found_type,
                  'byte_count', d.byte_count,
                  'storage_path', case when d.state = 'stored' then d.storage_path end
                )
                order by d.position
              ),
              '[]'
            )
            from app.media d
            where d.message_id = p.id
          )
          else '[]'
        end
      )
      order by p.id desc
    )
  into v_ids, v_texts
  from (
    select q.*
    from (
      select m.id, m.author, m.body, m.masked_count, m.media_count, m.created_at, m.status,
        m.error_code, m.legal_basis
      from app.messages m
      where m.lead_id = v_lead.id and m.id < v_before_id
      order by m.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;

  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    'texts', coalesce(
      case when cardinality(v_ids) > v_limit then v_texts - v_limit else v_texts end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$function$;
comment on function public.read_conversation(jsonb) is 'A page (limit, before) of the texts with a lead (lead_id), the newest first.';
grant execute on function public.read_conversation(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.read_lead(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    -- All of the phone number's: they outlive the lead.
    'events', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'at', app.moment(e.at, v_time_zone),
            'change', e.change,
            'basis', e.basis,
            'source', e.source,
            'rule', e.rule,
            'wording', e.wording,
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.sequence desc
        ),
        '[]'
      )
      from (
        select c.at, c.change, c.basis, c.source, c.rule, c.wording, c.expires_at, c.sequence
        from app.consent_events c
        where c.business_id = v_lead.business_id and c.phone_hmac = v_lead.phone_hmac
        order by c.sequence desc
        limit 100
      ) e
    ),
    'event_count', coalesce(
      (
        select g.length
        from app.consent_ledgers g
        where g.business_id = v_lead.business_id and g.phone_hmac = v_lead.phone_hmac
      ),
      0
    )
  );
end;
$function$;
comment on function public.read_lead(jsonb) is 'A lead (lead_id), and the evidence of consent: the newest 100 pieces.';
grant execute on function public.read_lead(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.read_shop(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  v_shop jsonb := app.shop_header(null);
begin
  return jsonb_build_object('shop', v_shop, 'profile', app.profile_view((v_shop ->> 'id')::uuid));
end;
$function$;
comment on function public.read_shop(jsonb) is 'The owner''s shop and its profile.';
grant execute on function public.read_shop(jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.receive_sms(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_sid text := request ->> 'message_sid';
  v_meaning text := request ->> 'meaning';
  v_language text := request ->> 'language';
  v_is_answered boolean := (request ->> 'is_answered_by_twilio')::boolean;
  v_hmac bytea := pg_catalog.decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_lead app.leads;
  v_ledger app.consent_ledgers;
  v_message_id uuid;
  v_previous jsonb;
  v_joined_id uuid;
  v_fixed_text text;
  v_work jsonb := '[]';
begin
  select b.* into v_business
  from app.sender_numbers n
  left join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
  elsif v_business.state is distinct from 'active' then
    perform app.turn_away(v_business.id, request);
    return jsonb_build_object('outcome', 'closed', 'work', v_work);
  end if;

  -- A redelivery changes nothing, not even when the lead was last heard of.
  if exists (select from app.webhook_events where provider = 'twilio' and event_id = v_sid) then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  -- Locks the lead to the end: the gate of any text to it waits, then sees us,
  -- and so does another text of the lead's that arrives at the same moment.
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (v_business.id, request ->> 'from', v_hmac, v_language, app.clock())
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;

  if (request ->> 'may_join')::boolean and not request ? 'joined' then
    v_previous := app.texts_to_join(v_lead.id);
    if v_previous is not null then
      return jsonb_build_object('outcome', 'joins', 'previous', v_previous, 'work', v_work);
    end if;
  end if;

  -- A delivery that was in flight at the same time has left its row by now.
  insert into app.webhook_events (provider, event_id, type)
  values ('twilio', v_sid, 'message')
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    v_business.id, v_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint, v_sid, 'received'
  )
  returning id into v_message_id;
  if (request ->> 'masked_count')::integer > 0 then
    v_work := v_work || app.owe_redaction(v_message_id);
  end if;
  v_work := v_work || coalesce(app.take_media(v_message_id, request -> 'media'), '[]');

  -- The parts of a number that the text just stored would complete.
  for v_joined_id in
    update app.messages m
    set body = j.masked_body, masked_count = m.masked_count + 1
    from jsonb_to_recordset(request -> 'joined') j (message_id uuid, masked_body text)
    where m.id = j.message_id and m.lead_id = v_lead.id and m.direction = 'inbound'
    returning m.id
  loop
    v_work := v_work || coalesce(app.owe_redaction(v_joined_id), '[]');
  end loop;

  -- Who texts us can be reached.
  perform app.lift_suppressions(v_business.id, v_hmac, array['unreachable']);

  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(v_business.id, v_hmac) then 'start' else 'text'
    end;
  end if;

  -- A fixed answer is given once, and not where Twilio has given one. That to a
  -- STOP is queued while it still may be, and claimed at once: any later claim
  -- meets the suppression.
  if v_meaning = 'start' then
    perform app.lift_suppressions(v_business.id, v_hmac, array['opted_out', 'unreachable']);
    perform app.record_consent(
      v_lead, v_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
  end if;
  if v_meaning in ('help', 'start', 'stop') and not v_is_answered then
    v_fixed_text := app.fixed_text(v_business, v_meaning, v_language);
    v_work := v_work || coalesce(
      app.queue_text(v_lead.id, request ->> 'to', 'system', v_fixed_text, v_message_id) -> 'send', '[]'
    );
  end if;
  if v_meaning = 'stop' then
    if app.suppress(v_business.id, v_hmac, 'opted_out') then
      perform app.record_consent(
        v_lead, v_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
      );
      -- Words of their own may be misunderstood: the owner looks.
      if (request ->> 'is_in_words')::boolean then
        perform app.flag_for_owner(v_lead.id, 'opted_out_in_words');
      end if;
    end if;
  elsif v_meaning <> 'start' and not app.is_suppressed(v_business.id, v_hmac) then
    -- An inquiry implies consent for half a year. One that comes within a month
    -- of the last that was recorded, or on top of express consent, adds nothing
    -- that is worth a row.
    select * into v_ledger
    from app.consent_ledgers
    where business_id = v_business.id and phone_hmac = v_hmac;
    if v_ledger.express_since is null
      and coalesce(v_ledger.inquiry_until < app.clock() + interval '5 months', true)
    then
      perform app.record_consent(
        v_lead, v_message_id, 'granted', 'implied_inquiry', 'text', null, null,
        app.clock() + interval '6 months'
      );
    end if;
    if v_meaning = 'text' then
      v_work := v_work || coalesce(app.owe_reply(v_message_id), '[]');
    end if;
  end if;

  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$function$;
comment on function public.receive_sms(jsonb) is 'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';
grant execute on function public.receive_sms(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.record_export_request(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_business app.businesses;
  v_export app.exports;
begin
  select * into v_business from app.businesses where id = (request ->> 'business_id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such shop';
  end if;
  perform app.owe_export(v_business, request ->> 'format', 'operator', 'unconfirmed');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open');
  return app.export_view(v_export);
end;
$function$;
comment on function public.record_export_request(jsonb) is 'Records that an export of business_id in a format was asked for by other means, say e-mail. It is due from then on, and begins when the owner, signed in, asks for the same.';
grant execute on function public.record_export_request(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.refresh_statistics(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '60s'
AS $function$
declare
  v_table record;
begin
  select s.relid, s.schemaname, s.relname into v_table
  from pg_catalog.pg_stat_all_tables s
  join pg_catalog.pg_class c on c.oid = s.relid
  where s.schemaname in ('app', 'auth', 'storage')
    and s.n_mod_since_analyze > 0
    and s.relid > coalesce((request ->> 'after')::oid, '0')
    and c.relkind = 'r'
    and has_table_privilege(s.relid, 'maintain')
  order by s.relid
  limit 1;
  if not found then
    return jsonb_build_object('after', null);
  end if;
  execute format('analyze %I.%I', v_table.schemaname, v_table.relname);
  return jsonb_build_object('after', v_table.relid::bigint);
end;
$function$;
comment on function public.refresh_statistics(jsonb) is 'Has Postgres sample the next table (after) anew that has changed since it did last, so that its samples hold nothing that is gone. Null after the last.';
grant execute on function public.refresh_statistics(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.release_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with released as (
    update app.closures
    set run_at = app.clock()
    where id = (request ->> 'closure_id')::uuid
      and fencing_token = (request ->> 'fencing_token')::bigint
      and state = 'open'
    returning id
  )
  select jsonb_build_object('outcome', case when exists (select from released) then 'released' else 'stale' end);
$function$;
comment on function public.release_closure(jsonb) is 'Gives a closure back before its lease is over. Outcome: released or stale.';
grant execute on function public.release_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.request_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := (request -> 'session' ->> 'user_id')::uuid;
  v_asked_id uuid := (request ->> 'business_id')::uuid;
  v_is_left boolean := coalesce((request ->> 'is_left')::boolean, false);
  v_businesses app.businesses[];
  v_business app.businesses;
  v_closure app.closures;
begin
  -- Two requests at once: the second waits here, then finds what the first did.
  perform from app.businesses where owner_id = v_owner_id order by id for no key update;
  select * into v_closure
  from app.closures
  where owner_id = v_owner_id
    and restored_at is null
    and (business_id = v_asked_id or v_asked_id is null and ends_owner)
  order by requested_at desc
  limit 1;
  if found then
    return jsonb_build_object('closure', app.closure_view(v_closure), 'work', null);
  end if;

  perform app.require_session(request -> 'session');
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id and b.state = 'active' and b.id = coalesce(v_asked_id, b.id);
  if v_businesses is null then
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  elsif cardinality(v_businesses) > 1 then
    raise sqlstate 'PT400' using message = 'the owner has several shops';
  end if;
  v_business := v_businesses[1];
  if not app.is_same_name(v_business.name, request ->> 'confirmation') then
    raise sqlstate 'PT409' using message = 'the shop has another name';
  end if;

  update app.businesses
  set state = 'closing', updated_at = app.clock()
  where id = v_business.id;
  perform app.stop_work(v_business.id);
  insert into app.closures (business_id, owner_id, ends_owner, purge_at, run_at, fencing_token)
  values (
    v_business.id, v_owner_id,
    not exists (select from app.businesses where owner_id = v_owner_id and state = 'active'),
    app.clock() + app.backup_lifetime(),
    app.clock() + case when v_is_left then interval '0' else app.closure_lease() end, 1
  )
  returning * into v_closure;
  if v_closure.ends_owner then
    perform app.shut_out(v_owner_id);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_business.id, 'owner', 'closure_requested', v_closure.id);
  return jsonb_build_object(
    'closure', app.closure_view(v_closure),
    'work', case when not v_is_left then app.closure_work(v_closure) end
  );
end;
$function$;
comment on function public.request_closure(jsonb) is 'Closes a shop of the session''s owner (business_id, where there are several) whose name was typed as confirmation; with the last shop the account. Returns the closure and, if it is new, its work, claimed for the caller unless it is left to the scheduler (is_left). PT409: another name.';
grant execute on function public.request_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.request_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_businesses app.businesses[];
  v_business app.businesses;
  v_export app.exports;
  v_is_new boolean;
begin
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id
    and b.id = coalesce((request ->> 'business_id')::uuid, b.id);
  if v_businesses is null then
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  elsif cardinality(v_businesses) > 1 then
    raise sqlstate 'PT400' using message = 'the owner has several shops';
  end if;
  v_business := v_businesses[1];

  perform app.owe_export(v_business, request ->> 'format', 'owner', 'open');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open')
  for no key update;
  if v_export.state = 'unconfirmed' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_business.id, 'owner', 'export_confirmed', v_export.id);
  end if;

  -- Whoever asks first begins with it; if that process dies, the scheduler does.
  v_is_new := v_export.attempts = 0;
  if v_is_new then
    update app.exports
    set state = 'open', run_at = app.clock() + app.export_lease(), attempts = 1,
        fencing_token = fencing_token + 1
    where id = v_export.id
    returning * into v_export;
  end if;
  return jsonb_build_object(
    'export', app.export_view(v_export),
    'work', case when v_is_new then app.export_work(v_export) end
  );
end;
$function$;
comment on function public.request_export(jsonb) is 'Has the account of an owner''s session exported in a format (business_id says of which shop, where there are several). Returns the export and, if it was not begun, its work, claimed for the caller.';
grant execute on function public.request_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.resolve_flag(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_was_flagged boolean;
begin
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  v_was_flagged := found;
  if v_was_flagged then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_lead.business_id, 'owner', 'flag_resolved', v_lead.id);
  end if;
  return jsonb_build_object('was_flagged', v_was_flagged);
end;
$function$;
comment on function public.resolve_flag(jsonb) is 'Takes a lead (lead_id) off the owner''s list.';
grant execute on function public.resolve_flag(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.restore_rows(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  v_closure app.closures := app.hold_restore(request);
  v_table text := request ->> 'table';
  v_rows jsonb := ('[' || replace(request ->> 'lines', e'\n', ',') || ']')::jsonb;
  v_kept jsonb;
  v_columns text;
  v_key text;
  v_present bigint;
begin
  if not exists (select from app.backup_tables() where name = v_table) then
    raise sqlstate 'PT400' using message = 'no backup has this table';
  elsif v_table = 'businesses' then
    -- In one transaction with the shop, by which whatever is given up is found.
    perform app.restore_owner((request ->> 'owner')::jsonb);
  end if;

  select coalesce(jsonb_agg(k.restored order by k.place), '[]')
  into v_kept
  from (
    select app.row_to_restore(v_closure, v_table, r.value) as restored, r.ordinality as place
    from jsonb_array_elements(v_rows) with ordinality r
  ) k
  where k.restored is not null;

  -- The columns that the rows have and the table still has. What was added since has
  -- its default.
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  into v_columns
  from pg_catalog.pg_attribute a
  where a.attrelid = format('app.%I', v_table)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated = ''
    and v_rows -> 0 ? a.attname;
  execute format(
    'insert into app.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::app.%1$I, $1) %3$s',
    v_table, v_columns,
    case v_table
      -- Only a number that nobody has.
      when 'sender_numbers' then
        'on conflict (phone) do update set (business_id, texts_per_minute, created_at)
          = row (excluded.business_id, excluded.texts_per_minute, excluded.created_at)
          where sender_numbers.business_id is null'
      else 'on conflict do nothing'
    end
  )
  using v_kept;

  select string_agg(format('t.%1$I = r.%1$I', a.attname), ' and ')
  into v_key
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
  where k.conrelid = format('app.%I', v_table)::regclass and k.contype = 'p';
  execute format(
    'select count(*) from jsonb_populate_recordset(null::app.%1$I, $1) r join app.%1$I t on %2$s%3$s',
    v_table, v_key,
    case when v_table = 'sender_numbers' then ' and t.business_id = r.business_id' end
  )
  into v_present
  using v_kept;
  return jsonb_build_object(
    'present', v_present,
    'left_out', jsonb_array_length(v_rows) - jsonb_array_length(v_kept),
    'numbers_lost', case v_table
      when 'sender_numbers' then (
        select coalesce(jsonb_agg(r.value -> 'phone'), '[]')
        from jsonb_array_elements(v_kept) r
        left join app.sender_numbers n
          on n.phone = r.value ->> 'phone' and n.business_id = v_closure.business_id
        where n.phone is null
      )
      else '[]'
    end,
    'pictures', case v_table
      when 'media' then (
        select coalesce(
          jsonb_agg(
            jsonb_build_object(
              'path', r.value ->> 'storage_path', 'content_type', r.value ->> 'found_type'
            )
          ),
          '[]'
        )
        from jsonb_array_elements(v_kept) r
        where r.value ->> 'state' = 'stored'
      )
      else '[]'
    end
  );
end;
$function$;
comment on function public.restore_rows(jsonb) is 'Puts rows of a backup back (closure_id, table, lines of JSON; with the shop its owner), those that are not there. Returns how many of them are there now (present), how many must not be (left_out), which numbers another shop has by now (numbers_lost), and which pictures belong to the rows. PT423: another user has the owner''s e-mail address.';
grant execute on function public.restore_rows(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.resume_stripe_listing(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.resume_stripe_listing(jsonb) is 'Which events are to be compared next: created from since to before until, and listed after the event after; and whether this listing has just begun.';
grant execute on function public.resume_stripe_listing(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.retention_status(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'retention_last_run', (
      select jsonb_build_object(
        'started_at', r.started_at, 'finished_at', r.finished_at, 'is_complete', r.is_complete,
        'purged', r.purged
      )
      from app.retention_runs r
      order by r.id desc
      limit 1
    ),
    'retention_last_complete', (
      select r.finished_at from app.retention_runs r where r.is_complete order by r.id desc limit 1
    ),
    -- What the run of yesterday should have taken.
    'retention_behind', (
      select coalesce(jsonb_agg(l.kind order by l.kind), '[]')
      from jsonb_to_recordset(request -> 'limits') l (kind text, seconds bigint)
      where app.has_due(l.kind, app.clock() - make_interval(secs => l.seconds) - interval '2 days')
    ),
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 20) o
    )
  );
$function$;
comment on function public.retention_status(jsonb) is 'The last run of cron/retention, of which kinds (limits: kind, seconds) rows are two days past their time, and the 20 longest overdue obligations.';
grant execute on function public.retention_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.revive_job(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
begin
  update app.jobs
  set state = 'open', outcome = null, finished_at = null, attempts = 0, run_at = app.clock()
  where id = (request ->> 'job_id')::uuid and state = 'dead'
  returning * into v_job;
  if not found then
    return jsonb_build_object('outcome', 'not_dead');
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    (select business_id from app.messages where id = v_job.message_id),
    'operator', 'job_revived', v_job.id
  );
  return jsonb_build_object('outcome', 'revived');
end;
$function$;
comment on function public.revive_job(jsonb) is 'Has a job that was given up tried again. Outcome: revived, or not_dead.';
grant execute on function public.revive_job(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.rewrap_closure_key(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with rewrapped as (
    update app.closures
    set key_id = request ->> 'key_id', wrapped_key = decode(request ->> 'wrapped_key', 'base64')
    where id = (request ->> 'closure_id')::uuid
      -- What was destroyed meanwhile stays so.
      and wrapped_key = decode(request ->> 'old_wrapped_key', 'base64')
    returning id
  )
  select jsonb_build_object('rewrapped', count(*)) from rewrapped;
$function$;
comment on function public.rewrap_closure_key(jsonb) is 'Stores the key of a sealed backup (closure_id) wrapped anew (key_id, wrapped_key), if it is still the one that was read (old_wrapped_key).';
grant execute on function public.rewrap_closure_key(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.scan_objects(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object('paths', coalesce(jsonb_agg(o.name order by o.name), '[]'))
  from (
    select name
    from storage.objects
    where bucket_id = request ->> 'bucket' and name > coalesce(request ->> 'after', '')
    order by name
    limit 500
  ) o;
$function$;
comment on function public.scan_objects(jsonb) is 'The paths of 500 objects of a bucket, after the path after.';
grant execute on function public.scan_objects(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.scan_table(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_scanned record;
  v_column record;
  v_counts text[] := '{}';
  v_result jsonb;
begin
  select * into v_scanned
  from app.scanned() s
  where s.schema = request ->> 'schema' and s.name = request ->> 'name';
  if not found then
    -- Dropped meanwhile.
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;
  for v_column in
    select a.attname::text as name, a.atttypid = 'bytea'::regtype as is_binary
    from pg_catalog.pg_attribute a
    where a.attrelid = v_scanned.relation and a.attnum > 0 and not a.attisdropped
  loop
    v_counts := v_counts || format(
      '%1$L, count(*) filter (where lower(%2$s collate pg_catalog.pg_c_utf8) like any (%3$s)
         or pg_catalog.translate(%2$s, $1, '''') like any (%4$s))',
      v_column.name,
      case
        when v_column.is_binary then format('encode(t.%I, ''escape'')', v_column.name)
        else format('t.%I::text', v_column.name)
      end,
      case when v_column.is_binary then '$4' else '$2' end,
      case when v_column.is_binary then '$5' else '$3' end
    );
  end loop;
  if v_counts = '{}' then
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;

  -- So many columns at a time as a function takes arguments.
  execute format(
    'select %s from %I.%I t %s',
    (
      select string_agg(format('jsonb_build_object(%s)', part), ' || ')
      from (
        select string_agg(c.count, ', ' order by c.number) as part
        from unnest(v_counts) with ordinality c (count, number)
        group by (c.number - 1) / 40
      ) parts
    ),
    v_scanned.schema, v_scanned.name,
    case when v_scanned.is_paged then
      format(
        'where t.ctid >= ''(%s,0)'' and t.ctid < ''(%s,0)''',
        (request ->> 'first')::bigint, (request ->> 'first')::bigint + (request ->> 'count')::bigint
      )
    end
  )
  using request ->> 'separators',
    app.like_patterns(request -> 'words', false), app.like_patterns(request -> 'numbers', false),
    app.like_patterns(request -> 'words', true), app.like_patterns(request -> 'numbers', true)
  into v_result;
  return jsonb_build_object(
    'hits', (
      select coalesce(jsonb_object_agg(h.key, h.value), '{}')
      from jsonb_each(v_result) h
      where h.value <> '0'
    )
  );
end;
$function$;
comment on function public.scan_table(jsonb) is 'How many rows of a table (schema, name; of its pages count from first) have one of the words or numbers in a column, by column. Words are in lower case; numbers are looked for without separators.';
grant execute on function public.scan_table(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.seal_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'seal' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set key_id = request ->> 'key_id',
      wrapped_key = decode(request ->> 'wrapped_key', 'base64'),
      storage_path = request ->> 'storage_path',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      counts = request -> 'counts',
      sealed_at = app.clock()
  where id = v_closure.id;
  perform app.finish_step(
    v_closure,
    jsonb_build_object(
      'sha256', request ->> 'sha256', 'byte_count', (request ->> 'byte_count')::bigint,
      'key_id', request ->> 'key_id',
      'pictures', (request ->> 'pictures')::bigint,
      'pictures_missing', (request ->> 'pictures_missing')::bigint
    )
  );
  return jsonb_build_object('outcome', 'finished');
end;
$function$;
comment on function public.seal_closure(jsonb) is 'Records the sealed backup and its wrapped key (storage_path, byte_count, sha256 in hex, counts, pictures, pictures_missing, key_id, wrapped_key in base64). From then on rows are erased. Outcome: finished or stale.';
grant execute on function public.seal_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.send_owner_text(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_request_id uuid := (request ->> 'request_id')::uuid;
  v_time_zone text;
  v_sender app.e164;
  v_message app.messages;
  v_queued jsonb;
begin
  -- Of two posts at once the second waits here, and then finds the first's text.
  -- Whoever has erased the lead meanwhile has left no row.
  perform from app.leads where id = v_lead.id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  select * into v_message
  from app.messages
  where lead_id = v_lead.id and request_id = v_request_id;
  if found then
    return jsonb_build_object(
      'outcome', 'queued', 'message_id', v_message.id, 'legal_basis', v_message.legal_basis,
      'is_repeat', true
    );
  end if;

  v_sender := app.sender_for(v_lead);
  if v_sender is null then
    return jsonb_build_object('outcome', 'refused', 'reason', 'no_number');
  end if;
  v_queued := app.queue_text(v_lead.id, v_sender, 'owner', request ->> 'body', null);
  if v_queued ->> 'outcome' = 'refused' then
    select b.time_zone into v_time_zone from app.businesses b where b.id = v_lead.business_id;
    return v_queued || jsonb_build_object(
      'retry_at', case
        when v_queued ->> 'reason' = 'quiet_hours'
          then app.moment(app.quiet_until(v_lead.phone, v_time_zone), v_time_zone)
      end
    );
  end if;

  update app.messages
  set request_id = v_request_id, masked_count = (request ->> 'masked_count')::smallint
  where id = (v_queued ->> 'message_id')::uuid
  returning * into v_message;
  -- Who answers has looked.
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'owner_texted', v_message.id);
  return v_queued || jsonb_build_object('legal_basis', v_message.legal_basis, 'is_repeat', false);
end;
$function$;
comment on function public.send_owner_text(jsonb) is 'Queues a text of the owner''s (body, masked_count) to a lead (lead_id), once for each request_id. Outcome: queued (with the text to send), or refused (why, and from when another try makes sense).';
grant execute on function public.send_owner_text(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.service_status(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'jobs_due', (select count(*) from app.jobs where state = 'open' and run_at <= app.clock()),
    'oldest_due_seconds', (
      select extract(epoch from app.clock() - min(run_at))::bigint
      from app.jobs
      where state = 'open' and run_at <= app.clock()
    ),
    'jobs_dead', (select count(*) from app.jobs where state = 'dead'),
    'sent_twice_in_7_days', (
      select count(*)
      from app.audit_events
      where action = 'message_sent_twice' and at > app.clock() - interval '7 days'
    ),
    'refused_today', (
      select coalesce(jsonb_object_agg(t.function || ': ' || t.reason, t.count), '{}')
      from app.refusals t
      where t.day = (app.clock() at time zone 'UTC')::date
    )
  )
  from (select request) r;
$function$;
comment on function public.service_status(jsonb) is 'What an operator looks at first: work that is late or given up, texts sent twice, requests refused today.';
grant execute on function public.service_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.set_assistant(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_answers boolean := (request ->> 'answers')::boolean;
  v_jobs uuid[];
  v_job app.jobs;
  v_withheld integer := 0;
  v_is_waiting boolean;
begin
  if not v_answers then
    select array_agg(o.id) into v_jobs
    from (
      select j.id
      from (
        select m.id
        from app.messages m
        where m.lead_id = v_lead.id
        order by m.id desc
        limit 200
      ) m
      join app.jobs j on j.message_id = m.id
      where j.kind in ('reply', 'send') and j.finished_at is null
    ) o;
    perform from app.jobs j where j.id = any (v_jobs) order by j.id for no key update;
  end if;

  update app.leads
  set taken_over_at = case when not v_answers then coalesce(taken_over_at, app.clock()) end
  where id = v_lead.id
  returning * into v_lead;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;

  for v_job in
    select j.*
    from app.jobs j
    where j.id = any (v_jobs) and j.finished_at is null
    order by j.id
  loop
    if v_job.kind = 'send' then
      update app.messages
      set status = 'withheld'
      where id = v_job.message_id
        and author = 'assistant'
        and status = 'pending'
        and attempted_at is null;
      continue when not found;
    end if;
    perform app.finish_job(v_job.id, 'done', 'refused_taken_over');
    v_withheld := v_withheld + 1;
  end loop;
  -- What was withheld was no answer.
  if v_withheld > 0 then
    update app.conversations
    set is_unanswered = not app.is_suppressed(v_lead.business_id, v_lead.phone_hmac)
    where lead_id = v_lead.id;
  end if;
  select c.is_unanswered into v_is_waiting from app.conversations c where c.lead_id = v_lead.id;
  if not v_answers and v_is_waiting then
    perform app.flag_for_owner(v_lead.id, 'taken_over');
  end if;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    v_lead.business_id, 'owner',
    case when v_answers then 'assistant_resumed' else 'assistant_paused' end, v_lead.id
  );
  return jsonb_build_object('answers', v_answers, 'withheld', v_withheld);
end;
$function$;
comment on function public.set_assistant(jsonb) is 'Says whether the assistant answers a lead (lead_id, answers). Returns how many answers are withheld for it.';
grant execute on function public.set_assistant(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_media(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;

  update app.media m
  set state = s.state,
      refusal = s.refusal,
      found_type = s.found_type,
      byte_count = s.byte_count,
      sha256 = pg_catalog.decode(s.sha256, 'base64'),
      settled_at = app.clock()
  from jsonb_to_recordset(request -> 'settled') s (
    position smallint, state text, refusal text, found_type text, byte_count integer, sha256 text
  )
  where m.message_id = v_job.message_id and m.position = s.position and m.state = 'pending';

  update app.media m
  set removed_at = app.clock()
  from jsonb_array_elements_text(request -> 'removed') r (position)
  where m.message_id = v_job.message_id
    and m.position = r.position::smallint
    and m.state <> 'pending'
    and m.removed_at is null;

  if not exists (
    select from app.media where message_id = v_job.message_id and removed_at is null
  ) then
    perform app.finish_job(v_job.id, 'done', 'taken_over');
  elsif (request ->> 'is_end')::boolean then
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$function$;
comment on function public.settle_media(jsonb) is 'Records which pictures of a text are stored or refused, and which of them Twilio has removed. Ends the job with the last, or has the rest tried again.';
grant execute on function public.settle_media(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_redaction(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$function$;
comment on function public.settle_redaction(jsonb) is 'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_send(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_result text := request ->> 'result';
  v_job app.jobs;
  v_message app.messages;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  select * into strict v_message from app.messages where id = v_job.message_id;

  -- Another text has just been taken for this one, or this for it. Twilio may
  -- have a second one: only a look-up that passes over the first can tell.
  if v_result = 'accepted' and exists (
    select from app.messages where twilio_sid = request ->> 'twilio_sid' and id <> v_message.id
  ) then
    v_result := 'unknown';
  end if;

  if v_result = 'accepted' then
    if not app.advance_message(v_message.id, request ->> 'twilio_sid', request ->> 'status', null) then
      return jsonb_build_object('outcome', 'conflict');
    end if;
    perform app.finish_job(v_job.id, 'done', 'accepted');
    return jsonb_build_object('outcome', 'settled');
  end if;

  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;

  if v_result = 'rejected' then
    perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
    if request ->> 'policy' is null then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    update app.messages
    set status = 'failed', error_code = (request ->> 'error_code')::integer, attempted_at = null
    where id = v_message.id and status = 'pending';
    perform app.finish_job(v_job.id, 'done', 'rejected');
  elsif v_result = 'not_sent' then
    update app.messages set attempted_at = null where id = v_message.id;
    perform app.postpone_job(
      v_job.id, make_interval(secs => coalesce((request ->> 'retry_after_seconds')::integer, 0))
    );
  elsif v_result = 'unknown' then
    update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
  elsif v_result = 'not_found' then
    -- A request on its way may still arrive; after a lease it no longer can.
    if v_message.attempted_at + app.lease() <= app.clock() then
      update app.messages set attempted_at = null where id = v_message.id;
      update app.jobs set run_at = app.clock() where id = v_job.id;
    else
      update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
    end if;
  else
    raise sqlstate 'PT400' using message = 'unknown result';
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$function$;
comment on function public.settle_send(jsonb) is 'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';
grant execute on function public.settle_send(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_twilio_redactions(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with forgotten as (
    delete from app.twilio_redactions
    where message_sid in (select jsonb_array_elements_text(request -> 'forgotten'))
    returning message_sid
  ),
  put_off as (
    update app.twilio_redactions
    set run_at = app.clock()
      + least(interval '1 hour', interval '10 seconds' * power(2, least(attempts, 10)))
    where message_sid in (select jsonb_array_elements_text(request -> 'put_off'))
    returning message_sid
  )
  select jsonb_build_object(
    'forgotten', (select count(*) from forgotten), 'put_off', (select count(*) from put_off)
  );
$function$;
comment on function public.settle_twilio_redactions(jsonb) is 'Records which texts Twilio has forgotten, and which are to be tried again later.';
grant execute on function public.settle_twilio_redactions(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.show_closure(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_closure app.closures;
begin
  select * into v_closure from app.closures where id = (request ->> 'closure_id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such closure';
  end if;
  return app.closure_view(v_closure);
end;
$function$;
comment on function public.show_closure(jsonb) is 'How far a closure is. It says nothing of anybody; the caller has checked the link all the same.';
grant execute on function public.show_closure(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.show_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_export app.exports;
begin
  select e.* into v_export
  from app.exports e
  join app.businesses b on b.id = e.business_id
  where e.id = (request ->> 'export_id')::uuid and b.owner_id = v_owner_id;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such export';
  end if;
  return app.export_view(v_export);
end;
$function$;
comment on function public.show_export(jsonb) is 'How far an export of the session''s owner is.';
grant execute on function public.show_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.snapshot_backup(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '120s'
AS $function$
declare
  v_id uuid := gen_random_uuid();
  v_business_id uuid := (request ->> 'business_id')::uuid;
  v_snapshot jsonb;
begin
  perform from app.businesses where id = v_business_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such shop';
  end if;
  delete from app.backup_chunks where business_id = v_business_id;
  with chunks as (
    insert into app.backup_chunks (snapshot_id, number, business_id, file, rows, lines)
    select v_id, r.number, v_business_id, r.file, r.rows, r.lines
    from app.backup_rows(v_business_id) r
    returning file, rows
  ),
  files as (
    select file, count(*) as chunks, sum(rows) as rows from chunks group by file
  )
  select jsonb_build_object(
    'snapshot_id', v_id,
    'snapshot_at', app.ledger_time(app.clock()),
    'counts', jsonb_object_agg(f.file, f.rows),
    'chunk_count', sum(f.chunks)
  )
  into v_snapshot
  from files f;
  return v_snapshot;
end;
$function$;
comment on function public.snapshot_backup(jsonb) is 'Gathers all rows of business_id, of one moment, in place of an earlier snapshot. Returns snapshot_id, by which they are read.';
grant execute on function public.snapshot_backup(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.snapshot_export(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET statement_timeout TO '120s'
AS $function$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if v_export.snapshot is null then
    delete from app.export_chunks where export_id = v_export.id;
    with chunks as (
      insert into app.export_chunks (export_id, number, file, rows, rows_before, lines)
      select v_export.id, r.number, r.file, r.rows, r.rows_before, r.lines
      from app.export_rows(v_export.business_id) r
      returning file, rows
    ),
    files as (
      select file, count(*) as chunks, sum(rows) as rows from chunks group by file
    )
    update app.exports
    set snapshot = pg_current_snapshot()::text,
        snapshot_at = app.clock(),
        counts = (select jsonb_object_agg(f.file, f.rows) from files f),
        chunk_count = (select sum(f.chunks) from files f),
        rows_total = (select sum(f.rows) from files f)
    where id = v_export.id
    returning * into v_export;
  end if;
  return jsonb_build_object(
    'outcome', 'taken',
    'snapshot_at', app.ledger_time(v_export.snapshot_at),
    'counts', v_export.counts,
    'chunk_count', v_export.chunk_count
  );
end;
$function$;
comment on function public.snapshot_export(jsonb) is 'Gathers the rows of an export, all of one moment, if they are not. Outcome: taken, or stale for who has lost the lease.';
grant execute on function public.snapshot_export(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.stale_subscriptions(request jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function public.stale_subscriptions(jsonb) is 'Up to 100 subscriptions, after the id after, that Stripe should be asked about because no event came when one should have.';
grant execute on function public.stale_subscriptions(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.store_subscription(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
  insert into app.stripe_customers (id, business_id)
  values (v_new ->> 'customer_id', v_business_id)
  on conflict do nothing;
  insert into app.subscriptions (
    id, business_id, customer_id, status, price_id, current_period_start, current_period_end,
    trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused, unpaid_since,
    created_at
  )
  values (
    v_new ->> 'id', v_business_id, v_new ->> 'customer_id', v_new ->> 'status',
    v_new ->> 'price_id', to_timestamp((v_new ->> 'current_period_start')::bigint),
    to_timestamp((v_new ->> 'current_period_end')::bigint),
    to_timestamp((v_new ->> 'trial_end')::bigint), to_timestamp((v_new ->> 'cancel_at')::bigint),
    (v_new ->> 'cancel_at_period_end')::boolean,
    to_timestamp((v_new ->> 'canceled_at')::bigint),
    (v_new ->> 'is_collection_paused')::boolean,
    to_timestamp((v_new ->> 'unpaid_since')::bigint), to_timestamp((v_new ->> 'created')::bigint)
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

  if app.billing_standing(v_business_id) <> v_standing then
    insert into app.audit_events (business_id, actor, action)
    values (v_business_id, 'provider', 'billing_' || app.billing_standing(v_business_id));
  end if;
  return jsonb_build_object('outcome', 'stored');
end;
$function$;
comment on function public.store_subscription(jsonb) is 'Stores what Stripe answered over the version that was there before it was asked, and logs the event that made us ask. Outcome: stored, conflict (another version is there), duplicate, ended, or unknown_customer.';
grant execute on function public.store_subscription(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.take_rate_limit(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_now timestamptz := app.clock();
  v_all interval := make_interval(secs => (request ->> 'per_seconds')::integer);
  v_share interval := v_all / (request ->> 'limit')::integer;
  v_subject bytea := decode(request ->> 'subject', 'hex');
  v_full_until timestamptz;
begin
  delete from app.rate_limits r
  where (r.kind, r.subject) in (
    select o.kind, o.subject
    from app.rate_limits o
    where o.full_until < v_now
    order by o.full_until
    limit 2
    for update skip locked
  );

  insert into app.rate_limits as r (kind, subject, full_until)
  values (request ->> 'kind', v_subject, v_now + v_share)
  on conflict (kind, subject) do update
    set full_until = greatest(r.full_until, v_now) + v_share
    where greatest(r.full_until, v_now) + v_share <= v_now + v_all;
  if found then
    return jsonb_build_object('allowed', true, 'retry_after_seconds', 0);
  end if;

  select r.full_until into v_full_until
  from app.rate_limits r
  where r.kind = request ->> 'kind' and r.subject = v_subject;
  return jsonb_build_object(
    'allowed', false,
    'retry_after_seconds',
    greatest(1, ceil(extract(epoch from v_full_until + v_share - v_all - v_now))::bigint)
  );
end;
$function$;
comment on function public.take_rate_limit(jsonb) is 'Takes one of limit per per_seconds for a subject (HMAC-SHA-256, hex) and kind: allowed, or retry_after_seconds.';
grant execute on function public.take_rate_limit(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.update_shop(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_business app.businesses := app.shop_of_owner(request);
  v_new jsonb := request -> 'profile';
  v_current jsonb;
  v_version integer;
begin
  if not app.is_time_zone(v_new ->> 'time_zone') then
    return jsonb_build_object('invalid', 'time_zone');
  end if;
  update app.businesses
  set name = v_new ->> 'name',
      mailing_address = v_new ->> 'mailing_address',
      contact_email = v_new ->> 'contact_email',
      contact_phone = v_new ->> 'contact_phone',
      website = v_new ->> 'website',
      time_zone = v_new ->> 'time_zone',
      language = v_new ->> 'language',
      about = v_new ->> 'about',
      instructions = v_new ->> 'instructions',
      updated_at = app.clock(),
      version = version + 1
  where id = v_business.id and version = (request ->> 'version')::integer
  returning version into v_version;
  if not found then
    v_current := app.profile_view(v_business.id);
    -- The answer to this very call was lost, and it is made again.
    if v_current @> v_new and (v_current ->> 'version')::integer = (request ->> 'version')::integer + 1
    then
      return jsonb_build_object('outcome', 'saved', 'version', v_current -> 'version');
    end if;
    return jsonb_build_object('outcome', 'conflict', 'current', v_current);
  end if;
  insert into app.audit_events (business_id, actor, action)
  values (v_business.id, 'owner', 'shop_updated');
  return jsonb_build_object('outcome', 'saved', 'version', v_version);
end;
$function$;
comment on function public.update_shop(jsonb) is 'Stores a profile over the version that was read. Outcome: saved (with the new version), or conflict (with the current profile); or names what is invalid.';
grant execute on function public.update_shop(jsonb) to service_role;
