-- What the console needs that was not kept: versions of what owners change, what
-- is the newest text of each conversation, who answers it, and how often somebody
-- did something.

-- --- What owners change ------------------------------------------------------

alter table app.businesses add column version integer not null default 1;
comment on column app.businesses.version is
  'Counts changes of the profile. One that names another version was begun before the last.';

alter table app.leads
  add column version integer not null default 1,
  -- In byte order, so that a prefix is a range whatever the database's language.
  add column name_key text collate "C" generated always as (lower(name)) stored,
  add column taken_over_at timestamptz,
  add constraint name_is_short check (char_length(name) between 1 and 120),
  add constraint email_is_short check (char_length(email) between 3 and 254),
  add constraint notes_are_bounded check (char_length(notes) between 1 and 4000),
  drop constraint needs_owner_reason_is_known,
  add constraint needs_owner_reason_is_known check (
    needs_owner_reason in (
      'assistant_unsure', 'assistant_unavailable', 'cap', 'send_failed', 'opted_out_in_words',
      'billing', 'taken_over'
    )
  );
comment on column app.leads.version is
  'Counts corrections. One that names another version was begun before the last.';
comment on column app.leads.name_key is 'The name, as it is searched for.';
comment on column app.leads.taken_over_at is
  'Since when the owner answers instead of the assistant; null when the assistant does.';

-- No samples of names in the planner's statistics.
alter table app.leads alter column name_key set statistics 0;

create index leads_business_id_id_idx on app.leads (business_id, id);
create index leads_business_id_name_key_idx on app.leads (business_id, name_key, id)
where name_key is not null;
create index leads_waiting_idx on app.leads (business_id, needs_owner_since, id)
where needs_owner_since is not null;

-- A form that is posted twice names the same request.
alter table app.messages add column request_id uuid;
comment on column app.messages.request_id is
  'What the owner''s form called the text: posted again, it is found by this.';
create unique index messages_request_id_key on app.messages (lead_id, request_id)
where request_id is not null;

-- --- Numbers that belong to nobody -------------------------------------------

alter table app.sender_numbers alter column business_id drop not null;
comment on table app.sender_numbers is
  'Our Twilio numbers: what a shop is texted at and texts from. Without a shop, a number waits for one.';

-- --- Conversations -----------------------------------------------------------

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

create function app.suppressed_at(p_business_id uuid, p_phone_hmac bytea)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.since)
  from app.sender_numbers n
  join app.suppressions s on s.sender_phone = n.phone
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$$;
comment on function app.suppressed_at(uuid, bytea) is
  'Since when a shop must not text a number; null if it may.';

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

insert into app.conversations (
  lead_id, business_id, last_message_id, is_unanswered, suppressed_at
)
select l.id, l.business_id, m.id, m.direction = 'inbound' and s.suppressed_at is null,
  s.suppressed_at
from app.leads l
cross join lateral (select app.suppressed_at(l.business_id, l.phone_hmac)) s (suppressed_at)
cross join lateral (
  select o.id, o.direction
  from app.messages o
  where o.lead_id = l.id
  order by o.id desc
  limit 1
) m;

create trigger messages_are_noted
after insert on app.messages
for each row execute function app.note_message();

-- As before, and what cannot be answered is not unanswered.
create or replace function app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
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
$$;

-- As before, and takes the lead off the list. Of most who text, nothing is lifted.
create or replace function app.lift_suppressions(
  p_business_id uuid, p_phone_hmac bytea, p_reasons text[]
)
returns void
language plpgsql
set search_path = ''
as $$
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
$$;

create index audit_events_business_id_id_idx on app.audit_events (business_id, id);
drop index app.audit_events_business_id_idx;

-- --- How often ---------------------------------------------------------------

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

-- The generic cell rate algorithm: one row, one upsert. limit may be taken at
-- once, and after that one for each limit-th part of per_seconds.
--
-- Each call also removes two rows that are past their time, if there are, and
-- writes one at most: so there are never many more than are needed.
create function public.take_rate_limit(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
comment on function public.take_rate_limit(jsonb) is
  'Takes one of limit per per_seconds for a subject (HMAC-SHA-256, hex) and kind: allowed, or retry_after_seconds.';
grant execute on function public.take_rate_limit(jsonb) to service_role;
