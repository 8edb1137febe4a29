create function public.fail_job(request jsonb)
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
  perform app.retry_job(v_job.id, p_fault => request ->> 'fault');
  -- It is not given up: somebody should look.
  if v_job.kind = 'closure' and v_job.attempts = 10 then
    insert into app.audit_events (business_id, actor, action, subject_id)
    select business_id, 'system', 'closure_stuck', id
    from app.closures
    where id = v_job.closure_id;
  end if;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_job(jsonb) is
  'Has a job (job_id, fencing_token) tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_job(jsonb) to service_role;
