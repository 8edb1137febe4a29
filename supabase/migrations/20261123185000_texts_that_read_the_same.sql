-- Texts to one lead that read the same. A look-up at Twilio goes by what a text
-- says, so it may find another one than it looks for: one we have known for
-- long, or one that another look-up has just taken. Either was an error; with
-- the first it was the same error each time, until the job died.

-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
-- They are more than a look-up lists (100, see lib's twilio::client), as Twilio
-- may have got the texts in another order than we made them.
create or replace function app.send_work(p_job_id uuid)
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
        limit 150
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$$;
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';

-- What became of an attempt to send. An accepted text is recorded even when the
-- lease was lost meanwhile: that Twilio has it is a fact, not a claim.
create or replace function public.settle_send(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
comment on function public.settle_send(jsonb) is
  'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';

-- A status callback. The text is known by our own id, which Twilio's signature
-- covers, so the callback may come before the answer to our request.
create or replace function public.apply_status(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
comment on function public.apply_status(jsonb) is
  'Keeps a status callback, and applies it once. Outcome: applied, duplicate, ignored, conflict, or unknown_message.';
