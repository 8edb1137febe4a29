-- The rules Postgres guards itself, whoever calls: who may be texted, what a
-- job's holder may change, and which status of a message wins.
--
-- Locks are always taken in the order job, lead, message, so that no two calls
-- wait for each other. Several leads are locked in the order of their ids.

-- How long a claim lasts. Longer than the slowest holder needs for its calls
-- (see the deadlines in lib), so that an expired lease means a dead holder.
create function app.lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '60 seconds';
$$;
comment on function app.lease() is 'How long a claimed job belongs to its holder.';

-- Ties cannot be: two statuses of one rank never both come from Twilio.
create function app.status_rank(p_status text)
returns integer
language sql
immutable
set search_path = ''
as $$
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
$$;
comment on function app.status_rank(text) is
  'A message only ever moves to a status of a higher rank, so callbacks may come in any order.';

create function app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  insert into app.suppressions (sender_phone, phone_hmac, reason)
  select phone, p_phone_hmac, p_reason from app.sender_numbers where business_id = p_business_id
  -- Who cannot be reached and then opts out has opted out.
  on conflict (sender_phone, phone_hmac) do update
    set reason = 'opted_out', since = excluded.since
    where suppressions.reason <> 'opted_out' and excluded.reason = 'opted_out';
  return found;
end;
$$;
comment on function app.suppress(uuid, bytea, text) is
  'Keeps a shop from texting a number, from all its senders. False if it already was.';

-- Any of the shop's numbers counts: a lead who stopped one has stopped the shop.
create function app.is_suppressed(p_business_id uuid, p_phone_hmac bytea)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone
    where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac
  );
$$;
comment on function app.is_suppressed(uuid, bytea) is 'Whether a shop must not text a number.';

create type app.gate_answer as (legal_basis text, refusal text);

-- The gate. It locks the lead before it reads anything, as receive_sms does
-- before it records a STOP: whichever comes first, the other sees its result.
-- It must be a statement of its own in a volatile function, so that what it
-- reads after the lock is newer than the lock.
create function app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
returns app.gate_answer
language plpgsql
volatile
set search_path = ''
as $$
declare
  v_lead app.leads;
  v_answer app.gate_answer;
begin
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;

  v_answer.refusal := case
    when not exists (
      select from app.businesses where id = v_lead.business_id and state = 'active'
    ) then 'business_not_active'
    when app.is_suppressed(v_lead.business_id, v_lead.phone_hmac) then 'opted_out'
    -- Two machines that answer each other would never stop.
    when p_author = 'assistant' and 10 <= (
      select count(*)
      from app.messages
      where lead_id = p_lead_id
        and author = 'assistant'
        and status <> 'withheld'
        and created_at > app.clock() - interval '1 hour'
    ) then 'cap'
  end;

  -- A text that answers the lead's own is outside the consent rules
  -- (SOR/2013-221, s. 3(b)); anything else rides on the inquiry (CASL, s. 10(10)).
  v_answer.legal_basis := case
    when v_answer.refusal is not null then null
    when p_in_reply_to is not null then 'response'
    when v_lead.last_inbound_at > app.clock() - interval '6 months' then 'implied_inquiry'
  end;
  if v_answer.refusal is null and v_answer.legal_basis is null then
    v_answer.refusal := 'no_basis';
  end if;
  return v_answer;
end;
$$;
comment on function app.gate(uuid, text, uuid) is
  'Whether a lead may be texted now: the legal basis, or the refusal. Holds the lead''s lock to the end of the transaction.';

create function app.flag_for_owner(p_lead_id uuid, p_reason text)
returns void
language sql
set search_path = ''
as $$
  update app.leads
  set needs_owner_since = coalesce(needs_owner_since, app.clock()), needs_owner_reason = p_reason
  where id = p_lead_id;
$$;
comment on function app.flag_for_owner(uuid, text) is 'Puts a lead on the owner''s list. The newest reason shows.';

create function app.finish_job(p_job_id uuid, p_state text, p_outcome text)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and state = 'open';
$$;
comment on function app.finish_job(uuid, text, text) is 'Ends a job as done or dead.';

-- Doubling from 5 seconds to a quarter of an hour, with jitter so that what
-- failed together does not come back together.
create function app.postpone_job(p_job_id uuid, p_at_least interval)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = app.clock() + greatest(
    least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10)))
      * (0.5 + pg_catalog.random() / 2),
    p_at_least
  )
  where id = p_job_id and state = 'open';
$$;
comment on function app.postpone_job(uuid, interval) is 'Puts a job that failed for now back in line.';

-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
create function app.send_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
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
        limit 50
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$$;
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';

-- The only place an outbound text comes from. The gate, the text and the claim
-- for sending it are one transaction: what it returns may be sent at once.
create function app.queue_text(
  p_lead_id uuid,
  p_sender_phone app.e164,
  p_author text,
  p_body text,
  p_in_reply_to uuid
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', app.clock()
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('send', v_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;

  return jsonb_build_object('outcome', 'queued', 'send', app.send_work(v_job_id));
end;
$$;
comment on function app.queue_text(uuid, app.e164, text, text, uuid) is
  'Writes an outbound text and claims it for sending, if the gate lets it through.';

create function app.redact_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', 'redact',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'twilio_sid', m.twilio_sid
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.id = p_job_id;
$$;
comment on function app.redact_work(uuid) is 'A claimed redact job: the text to empty at Twilio.';

-- What the assistant needs to answer. History is bounded, so the work does not
-- grow with the conversation.
create function app.reply_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
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
$$;
comment on function app.reply_work(uuid) is 'A claimed reply job, as the assistant gets it.';
