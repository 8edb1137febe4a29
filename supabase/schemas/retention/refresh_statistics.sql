create function public.refresh_statistics(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
declare
  v_table record;
begin
  select s.relid, s.schemaname, s.relname into v_table
  from pg_catalog.pg_stat_all_tables s
  join pg_catalog.pg_class c on c.oid = s.relid
  where s.schemaname in ('app', 'auth', 'storage')
    and s.n_mod_since_analyze > 0
    and s.relid > coalesce((request ->> 'after')::oid, '0')
    and c.relkind = 'r'
    and has_table_privilege(s.relid, 'maintain')
  order by s.relid
  limit 1;
  if not found then
    return jsonb_build_object('after', null);
  end if;
  execute format('analyze %I.%I', v_table.schemaname, v_table.relname);
  return jsonb_build_object('after', v_table.relid::bigint);
end;
$$;
comment on function public.refresh_statistics(jsonb) is
  'Has Postgres sample the next table (after) anew that has changed since it did last, so that its samples hold nothing that is gone. Null after the last.';
grant execute on function public.refresh_statistics(jsonb) to service_role;
