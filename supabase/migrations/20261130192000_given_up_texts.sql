-- Giving up a text ends its job and its message together; reviving it begins both anew.

create or replace function app.give_up_job(p_job app.jobs)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
begin
  if p_job.attempts
    <= coalesce((select most_attempts from app.job_kinds() where kind = p_job.kind), p_job.attempts)
  then
    return false;
  end if;
  perform app.finish_job(p_job.id, 'dead', 'too_many_attempts');
  select * into v_message from app.messages where id = p_job.message_id;
  -- It waits no longer: its number's pace must not count it. What Twilio may have stays
  -- open to what Twilio says.
  if p_job.kind = 'send' then
    update app.messages
    set status = 'failed'
    where id = v_message.id and status = 'pending' and attempted_at is null;
  end if;
  if p_job.kind <> 'media' then
    perform app.flag_for_owner(v_message.lead_id, 'send_failed');
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_message.business_id, 'system', 'job_dead', p_job.id);
  return true;
end;
$$;
comment on function app.give_up_job(app.jobs) is
  'Gives a claimed job up whose attempts are used up, and says whether it did.';

-- The job starts over; a text still passes the gate before it goes anywhere.
create or replace function public.revive_job(request jsonb)
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
  if v_job.kind = 'send' then
    update app.messages
    set status = 'pending'
    where id = v_job.message_id and status = 'failed' and twilio_sid is null;
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

-- Those that were given up before.
update app.messages m
set status = 'failed'
from app.jobs j
where j.message_id = m.id
  and j.kind = 'send'
  and j.state = 'dead'
  and m.status = 'pending'
  and m.attempted_at is null;
