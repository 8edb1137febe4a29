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
