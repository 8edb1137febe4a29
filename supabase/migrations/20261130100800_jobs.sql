-- The baseline: work that is owed.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- Jobs nobody holds and that are due, claimed for the caller. Skips what
-- another caller is claiming at this moment, so schedulers never wait for each
-- other; oldest first, so nothing starves.
create function public.claim_jobs(request jsonb)
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
$$;
comment on function public.claim_jobs(jsonb) is
  'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns how many it claimed, and the work that is left to do for them.';
grant execute on function public.claim_jobs(jsonb) to service_role;

-- A job is open as long as it is not finished (finished_when_not_open). Said with
-- state, Postgres looks a job up among all open ones (jobs_due_idx), of which it
-- expects none, instead of by its id.
create function app.finish_job(p_job_id uuid, p_state text, p_outcome text)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and finished_at is null;
$$;
comment on function app.finish_job(uuid, text, text) is 'Ends a job as done or dead.';

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

create function public.list_dead_jobs(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
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
$$;
comment on function public.list_dead_jobs(jsonb) is 'Jobs that were given up, 100 after the job after.';
grant execute on function public.list_dead_jobs(jsonb) to service_role;

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
  where id = p_job_id and finished_at is null;
$$;
comment on function app.postpone_job(uuid, interval) is 'Puts a job that failed for now back in line.';

create function app.put_off_job(p_job_id uuid, p_until timestamptz)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until, attempts = attempts - 1
  where id = p_job_id and finished_at is null;
$$;
comment on function app.put_off_job(uuid, timestamptz) is
  'Gives back a job whose time has not come: that is no attempt.';

-- The job starts over; a text still passes the gate before it goes anywhere.
create function public.revive_job(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
comment on function public.revive_job(jsonb) is
  'Has a job that was given up tried again. Outcome: revived, or not_dead.';
grant execute on function public.revive_job(jsonb) to service_role;

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
    return app.send_work(p_job_id) || '{"kind": "look_up"}';
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

reset check_function_bodies;
