-- Work that an executable does not know goes back unharmed; a look-up knows how old the
-- attempt is that it looks for.

drop function app.put_off_job(uuid, timestamptz);

create or replace function app.put_off_job(
  p_job_id uuid, p_until timestamptz, p_fault text default null
)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until,
      attempts = greatest(attempts - 1, 0),
      last_fault = coalesce(p_fault, last_fault)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.put_off_job(uuid, timestamptz, text) is
  'Gives back a job whose time has not come, or that its holder can do nothing about (p_fault): that is no attempt.';

create or replace function public.release_job(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs := app.lock_job(request);
begin
  if not app.is_held(v_job, request) then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.put_off_job(
    v_job.id,
    -- Another deployment may know what to do with it.
    app.clock() + case when request ? 'fault' then interval '5 minutes' else interval '0' end,
    request ->> 'fault'
  );
  return jsonb_build_object('outcome', 'released');
end;
$$;
comment on function public.release_job(jsonb) is
  'Gives a job (job_id, fencing_token) back before its lease is over: the time of the run is, or its holder does not know what it is (fault). Outcome: released or stale.';
grant execute on function public.release_job(jsonb) to service_role;

create or replace function public.service_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'jobs_due', (select count(*) from app.jobs where state = 'open' and run_at <= app.clock()),
    'oldest_due_seconds', (
      select extract(epoch from app.clock() - min(run_at))::bigint
      from app.jobs
      where state = 'open' and run_at <= app.clock()
    ),
    'jobs_dead', (select count(*) from app.jobs where state = 'dead'),
    'jobs_unreadable', (
      select count(*) from app.jobs where state = 'open' and last_fault = 'unreadable'
    ),
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
$$;
comment on function public.service_status(jsonb) is
  'What an operator looks at first: work that is late or given up, texts sent twice, requests refused today.';
grant execute on function public.service_status(jsonb) to service_role;

-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
-- They are more than a look-up lists (100, see lib's twilio::client), as Twilio
-- may have got the texts in another order than we made them.
-- The newest texts are read from the end of the index.
create or replace function app.send_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
  select jsonb_build_object(
    'kind', 'send',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'from', m.sender_phone,
    'to', l.phone,
    'body', m.body,
    'attempted_seconds_ago', extract(epoch from app.clock() - m.attempted_at),
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
