create function public.request_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_businesses app.businesses[];
  v_business app.businesses;
  v_export app.exports;
  v_job_id uuid;
begin
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id
    and b.id = coalesce((request ->> 'business_id')::uuid, b.id);
  if v_businesses is null then
    perform app.refuse('not_found', 'the owner has no such shop');
  elsif cardinality(v_businesses) > 1 then
    perform app.refuse('ambiguous', 'the owner has several shops');
  end if;
  v_business := v_businesses[1];

  perform app.owe_export(v_business, request ->> 'format', 'owner', 'open');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open')
  for no key update;
  if v_export.state = 'unconfirmed' then
    update app.exports set state = 'open' where id = v_export.id returning * into v_export;
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_business.id, 'owner', 'export_confirmed', v_export.id);
  end if;

  -- Whoever asks first begins with it.
  v_job_id := app.owe_job('export', p_export_id => v_export.id);
  return jsonb_build_object(
    'export', app.export_view(v_export),
    'work', (select app.export_work(j) from app.jobs j where j.id = v_job_id)
  );
end;
$$;
comment on function public.request_export(jsonb) is
  'Has the account of an owner''s session exported in a format (business_id says of which shop, where there are several). Returns the export and, if it was not begun, its work, claimed for the caller.';
grant execute on function public.request_export(jsonb) to service_role;
