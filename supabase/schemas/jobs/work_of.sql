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
