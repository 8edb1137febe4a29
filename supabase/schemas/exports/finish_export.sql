create function public.finish_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- It deletes as much as the snapshot wrote.
set statement_timeout = '60s'
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set state = 'ready',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      finished_at = app.clock(),
      expires_at = app.clock() + interval '7 days'
  where id = v_export.id;
  perform app.finish_job(app.requested_job(request), 'done', 'ready');
  delete from app.export_chunks where export_id = v_export.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_export.business_id, 'system', 'export_ready', v_export.id);
  return jsonb_build_object('outcome', 'ready');
end;
$$;
comment on function public.finish_export(jsonb) is
  'Records that the bundle is stored (byte_count, sha256 in hex). Outcome: ready or stale.';
grant execute on function public.finish_export(jsonb) to service_role;
