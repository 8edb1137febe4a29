create function public.expire_exports(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with expired as (
    update app.exports
    set state = 'expired'
    where id in (select value::uuid from jsonb_array_elements_text(request -> 'export_ids'))
      and state = 'ready'
      and expires_at <= app.clock()
    returning id, business_id
  ),
  noted as (
    insert into app.audit_events (business_id, actor, action, subject_id)
    select business_id, 'system', 'export_deleted', id
    from expired
    returning id
  )
  select jsonb_build_object('expired', (select count(*) from noted));
$$;
comment on function public.expire_exports(jsonb) is
  'Records that bundles which are past their time (export_ids) are deleted.';
grant execute on function public.expire_exports(jsonb) to service_role;
