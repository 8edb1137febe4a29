-- The gate learns why a text is lawful from the ledger, keeps quiet hours, and
-- each number's texts keep a pace that carriers accept.

alter type app.gate_answer add attribute retry_at timestamptz;

-- A long code sends one segment a second, and Twilio queues what comes faster
-- until the queue is full (error 30001). Texts have about two segments.
alter table app.sender_numbers
  add column texts_per_minute integer not null default 30,
  add constraint texts_per_minute_is_positive check (texts_per_minute > 0);
comment on column app.sender_numbers.texts_per_minute is
  'How many texts may be handed to Twilio in any 60 seconds. An operator raises it for a short code or a toll-free number.';
create index messages_sender_phone_attempted_at_idx
  on app.messages (sender_phone, attempted_at)
  where attempted_at is not null;

-- What waits is pending and not attempted: few rows, whatever was sent.
create index messages_waiting_idx
  on app.messages (sender_phone)
  where direction = 'outbound' and status = 'pending' and attempted_at is null;

-- Counts what left and what waits, without a lock: two that count at the same
-- moment may both go, which Twilio's own queue bears. Who comes while others
-- wait waits too, so nobody is overtaken.
create function app.paced_until(p_sender_phone text, p_is_waiting boolean)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
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
$$;
comment on function app.paced_until(text, boolean) is
  'When a number may send its next text: null if now. A text that is waiting already does not wait for itself.';

-- The only place an outbound text comes from. The gate, the text and the claim
-- for sending it are one transaction: what it returns may be sent at once.
-- Without send in it, the text waits for its turn at its number.
create or replace function app.queue_text(
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
    return jsonb_build_object('outcome', 'queued');
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('send', v_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return jsonb_build_object('outcome', 'queued', 'send', app.send_work(v_job_id));
end;
$$;
comment on function app.queue_text(uuid, app.e164, text, text, uuid) is
  'Writes an outbound text and, unless its number must pause, claims it for sending, if the gate lets it through.';

create function app.put_off_job(p_job_id uuid, p_until timestamptz)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until, attempts = attempts - 1
  where id = p_job_id and state = 'open';
$$;
comment on function app.put_off_job(uuid, timestamptz) is
  'Gives back a job whose time has not come: that is no attempt.';

-- A claimed job's work, or null if there is nothing to do for it now. Locks the
-- job's lead where it sends.
create function app.work_of(p_job_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
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
    perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'job_dead', p_job_id);
    return null;
  end if;
  if v_job.kind = 'reply' then
    return app.reply_work(p_job_id);
  elsif v_job.kind = 'redact' then
    return app.redact_work(p_job_id);
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
$$;
comment on function app.work_of(uuid) is 'What the holder of a claimed job is to do.';

-- Jobs nobody holds and that are due, claimed for the caller. Skips what
-- another caller is claiming at this moment, so schedulers never wait for each
-- other; oldest first, so nothing starves.
create or replace function public.claim_jobs(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
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
  return jsonb_build_object('work', v_work, 'claimed', coalesce(cardinality(v_claimed), 0));
end;
$$;
comment on function public.claim_jobs(jsonb) is
  'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns how many it claimed, and the work that is left to do for them.';
