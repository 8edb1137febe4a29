create function app.scanned()
returns table (relation oid, schema text, name text, is_paged boolean)
language sql
stable
set search_path = ''
as $$
  select c.oid, n.nspname::text, c.relname::text, c.relkind <> 'v'
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (
      c.relkind in ('r', 'm')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      -- Somebody else's session's.
      and c.relpersistence <> 't'
    )
    -- The planner's samples, and statements with what stood in them.
    or (c.relkind = 'v' and c.relname in ('pg_stats', 'pg_stats_ext', 'pg_stat_statements'));
$$;
comment on function app.scanned() is
  'Everything in which a person could be left: tables, and views of what Postgres has seen of them.';
