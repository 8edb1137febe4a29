-- Nothing is given up: what was asked for is owed. The operator sees it.
create function public.fail_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set faults = faults + 1,
      last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '1 hour', interval '10 seconds' * power(2, least(faults, 10)))
  where id = v_closure.id;
  if v_closure.faults + 1 = 10 then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'system', 'closure_stuck', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_closure(jsonb) is
  'Has a closure tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_closure(jsonb) to service_role;
