create function public.begin_scan(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_scan_id uuid := app.uuid_v7();
begin
  insert into app.audit_events (actor, action, subject_id)
  values ('operator', 'scan', v_scan_id);
  return jsonb_build_object(
    'tables', (
      select jsonb_agg(
        jsonb_build_object(
          'schema', s.schema,
          'name', s.name,
          'pages', case
            when s.is_paged then
              pg_relation_size(s.relation) / current_setting('block_size')::bigint
          end,
          'is_readable',
            has_schema_privilege(s.schema, 'usage') and has_table_privilege(s.relation, 'select')
        )
        order by s.schema, s.name
      )
      from app.scanned() s
    ),
    'buckets', (select coalesce(jsonb_agg(b.id order by b.id), '[]') from storage.buckets b)
  );
end;
$$;
comment on function public.begin_scan(jsonb) is
  'What there is to search: tables, how many pages each has (null if it is read whole), whether it can be read; and buckets.';
grant execute on function public.begin_scan(jsonb) to service_role;
