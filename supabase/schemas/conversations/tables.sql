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
