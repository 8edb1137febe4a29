create function public.certify_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'certificate' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(v_closure, '{}');
  update app.closures
  set certificate = request ->> 'certificate',
      state = 'done',
      finished_at = app.clock(),
      owner_id = null
  where id = v_closure.id;
  perform app.finish_job(app.requested_job(request), 'done', 'certified');
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'system', 'closure_completed', v_closure.id);
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.certify_closure(jsonb) is
  'Ends a closure with its certificate. Outcome: finished or stale.';
grant execute on function public.certify_closure(jsonb) to service_role;
