-- Fills a migrated and seeded database as years of use would: fill.leads people
-- with five texts and answers each, every other of them at the seed's shop, the
-- others spread over fill.shops - 1 more; and one person at the seed's shop with
-- fill.long_conversation texts and answers. Texts of all people come mixed, as
-- time mixes them, so each person's are spread over the whole table.
--
-- Each part is run by itself, in one transaction. Needs a superuser.

-- == shops
-- Neither triggers nor foreign keys: what is written fits together.
set session_replication_role = replica;
-- Indexes are made whole at the end.
update pg_index
set indisready = false, indisvalid = false
where indrelid in (
  'app.leads'::regclass, 'app.messages'::regclass, 'app.jobs'::regclass,
  'app.webhook_events'::regclass, 'app.status_events'::regclass,
  'app.consent_events'::regclass, 'app.consent_ledgers'::regclass, 'app.conversations'::regclass
);

-- A hosted project has it; see tools/stack/supabase/local.sql.
create table auth.mfa_factors (id uuid primary key, user_id uuid not null, status text not null);
create index on auth.mfa_factors (user_id);
grant select on auth.mfa_factors to postgres;

-- A UUID of version 7. One number never has two.
create function pg_temp.id(p_milliseconds bigint, p_number bigint)
returns uuid
language sql
immutable
as $$
  select (
    lpad(to_hex(p_milliseconds), 12, '0') || '7' || lpad(to_hex(p_number & 4095), 3, '0')
    || '8' || lpad(to_hex(p_number), 15, '0')
  )::uuid;
$$;

create temp table size as
select s.*,
  s.leads * 5 as exchanges,
  (extract(epoch from now() - interval '2 years') * 1000)::bigint as start,
  (extract(epoch from now() - (now() - interval '2 years')) * 1000)::bigint as duration
from (
  select current_setting('fill.leads')::bigint as leads,
    current_setting('fill.shops')::bigint as shops,
    current_setting('fill.long_conversation')::bigint as long_conversation
) s;

create temp table shop as
select 0 as number, b.id, n.phone::text as phone
from app.businesses b
join app.sender_numbers n on n.business_id = b.id;
insert into shop
select number, pg_temp.id(1500000000000, number), '+1438' || (2000000 + number)
from size, generate_series(1, shops - 1) number;

insert into auth.users (id, aud, role, email)
select pg_temp.id(1400000000000, number), 'authenticated', 'authenticated',
  'owner' || number || '@example.com'
from shop
where number > 0;
insert into app.businesses (id, owner_id, name, mailing_address, contact_email)
select s.id, pg_temp.id(1400000000000, s.number), 'Shop ' || s.number, b.mailing_address, b.contact_email
from shop s, app.businesses b
where s.number > 0;
insert into app.sender_numbers (phone, business_id)
select phone, id from shop where number > 0;

create temp table person as
select p.number, pg_temp.id(size.start - size.leads + p.number, p.number) as id,
  s.id as business_id, s.phone::app.e164 as sender_phone, '+1' || (3000000000 + p.number) as phone,
  sha256(convert_to('+1' || (3000000000 + p.number), 'UTF8')) as phone_hmac,
  to_timestamp(size.start / 1000.0) as created_at
from size
cross join generate_series(0, size.leads) p (number)
join shop s on s.number = case
  when p.number % 2 = 0 or p.number = size.leads or size.shops = 1 then 0
  else 1 + p.number / 2 % greatest(size.shops - 1, 1)
end;

create index on person (number);
analyze person;

-- == conversations
-- A prime walks through all people five times, in an order of its own.
create temp table exchange as
select e.number, e.is_newest, p.id as lead_id, p.business_id, p.sender_phone,
  to_timestamp(e.asked / 1000.0) as asked_at,
  to_timestamp((e.asked + 5000) / 1000.0) as answered_at,
  pg_temp.id(e.asked, e.number * 2) as inbound_id,
  pg_temp.id(e.asked + 5000, e.number * 2 + 1) as outbound_id,
  'SM' || md5((e.number * 2)::text) as inbound_sid,
  'SM' || md5((e.number * 2 + 1)::text) as outbound_sid
from (
  select number, number * 999983 % size.leads as lead, number >= 4 * size.leads as is_newest,
    size.start + size.duration * number / size.exchanges as asked
  from size, generate_series(0, size.exchanges - 1) number
  union all
  select size.exchanges + number, size.leads, false,
    size.start + size.duration * number / size.long_conversation
  from size, generate_series(0, size.long_conversation - 1) number
) e
join person p on p.number = e.lead;

-- == leads
insert into app.leads (id, business_id, phone, phone_hmac, language, created_at, last_inbound_at)
select id, business_id, phone, phone_hmac, 'en', created_at, created_at from person;
-- One of fifty waits for the owner, one of a hundred has opted out; and of either there
-- is a page where there are few people.
update app.leads l
set needs_owner_since = now() - interval '1 second' * p.number, needs_owner_reason = 'cap'
from person p
where p.id = l.id and (p.number % 50 = 4 or p.number < 40 and p.number % 4 = 0);
insert into app.suppressions (sender_phone, phone_hmac, reason, since)
select sender_phone, phone_hmac, 'opted_out', now() - interval '1 second' * number
from person
where number % 100 = 98 or number < 40 and number % 4 = 2;

-- == messages
insert into app.messages (
  id, business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis,
  twilio_sid, status, attempted_at, created_at
)
select t.id, e.business_id, e.lead_id, e.sender_phone, t.direction, t.author, t.body, t.in_reply_to,
  t.legal_basis, t.twilio_sid, t.status, t.attempted_at, t.created_at
from exchange e
cross join lateral (
  values
    (
      e.inbound_id, 'inbound', 'lead', 'Hi, is the bike of order ' || e.number || ' ready?',
      null::uuid, null, e.inbound_sid, 'received', null::timestamptz, e.asked_at
    ),
    (
      e.outbound_id, 'outbound', 'assistant',
      'Hello! Most repairs take two days; we will text you as soon as it is done.',
      e.inbound_id, 'response', e.outbound_sid,
      case when e.is_newest then 'sent' else 'delivered' end, e.answered_at, e.answered_at
    )
) t (
  id, direction, author, body, in_reply_to, legal_basis, twilio_sid, status, attempted_at, created_at
);

-- == conversations' newest texts
insert into app.conversations (
  lead_id, business_id, last_message_id, is_unanswered, suppressed_at
)
select e.lead_id, e.business_id, max(e.outbound_id::text)::uuid,
  -- As if the last answer had not been given.
  max(e.number) % 4 = 2, max(s.since)
from exchange e
join person p on p.id = e.lead_id
left join app.suppressions s on s.sender_phone = p.sender_phone and s.phone_hmac = p.phone_hmac
group by e.lead_id, e.business_id;

-- == jobs
insert into app.jobs (
  id, kind, message_id, state, run_at, attempts, fencing_token, outcome, created_at, finished_at
)
-- A text and its job may share an id.
select t.message_id, t.kind, t.message_id, 'done', e.answered_at, 1, 1, t.outcome, e.asked_at, e.answered_at
from exchange e
cross join lateral (
  values
    ('reply', e.inbound_id, 'queued'), ('send', e.outbound_id, 'accepted')
) t (kind, message_id, outcome);

-- == webhook events
insert into app.webhook_events (provider, event_id, type, received_at)
select 'twilio', t.event_id, t.type, e.asked_at
from exchange e
cross join lateral (
  values (e.inbound_sid, 'message'), (e.outbound_sid || ':delivered', 'status')
) t (event_id, type)
where t.type = 'message' or not e.is_newest;

-- == status events
insert into app.status_events (id, message_id, twilio_sid, status, fields, received_at)
select outbound_id, outbound_id, outbound_sid, 'delivered', '{"RawDlrDoneDate": "2611231500"}',
  answered_at
from exchange
where number % 5 = 0;

-- == consent
insert into app.consent_events (
  id, business_id, lead_id, change, basis, source, at, expires_at, phone_hmac, sequence,
  previous_hash, hash
)
select p.id, p.business_id, p.id, 'granted', 'implied_inquiry', 'text',
  now() - interval '14 days', now() - interval '14 days' + interval '6 months', p.phone_hmac, 1,
  decode(repeat('00', 32), 'hex'), sha256(p.phone_hmac)
from person p;
insert into app.consent_ledgers (business_id, phone_hmac, length, head, inquiry_until)
select business_id, phone_hmac, 1, hash, expires_at from app.consent_events;

-- == indexes of leads and consent
reindex table app.leads;
reindex table app.conversations;
reindex table app.consent_events;
reindex table app.consent_ledgers;

-- == indexes of messages
reindex table app.messages;

-- == indexes of jobs and events
reindex table app.jobs;
reindex table app.webhook_events;
reindex table app.status_events;

-- == vacuum
-- The only statement of its part: it bears no transaction.
vacuum (analyze);

-- == work that waits
-- It comes after the statistics were made, as it does when Twilio fails: Postgres
-- believes that no job is open.
insert into app.jobs (kind, message_id, run_at, attempts)
select 'redact', inbound_id, now() + interval '1 day', 3 from exchange where number % 500 = 1;
checkpoint;
