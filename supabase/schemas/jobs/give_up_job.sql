create function app.give_up_job(p_job app.jobs)
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
