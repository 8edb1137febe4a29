create function public.begin_retention(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run_id uuid;
begin
  insert into app.retention_runs default values returning id into v_run_id;
  insert into app.audit_events (actor, action, subject_id)
  values ('system', 'retention_run', v_run_id);
  return jsonb_build_object('run_id', v_run_id);
end;
$$;
comment on function public.begin_retention(jsonb) is 'Opens the record of a run of cron/retention.';
grant execute on function public.begin_retention(jsonb) to service_role;
