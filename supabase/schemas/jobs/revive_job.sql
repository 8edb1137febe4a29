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
