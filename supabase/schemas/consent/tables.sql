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
