-- Nothing is given up: what was asked for is owed. The operator sees it.
create function public.fail_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '15 minutes', interval '10 seconds' * power(2, least(attempts, 10)))
  where id = v_export.id;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_export(jsonb) is
  'Has an export tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_export(jsonb) to service_role;
