-- Whether anything is left of somebody.
--
-- What is searched is found in the catalog: every column of every table there is,
-- those of Auth, Storage and extensions included, and what Postgres has seen of
-- them. Only the numbers of hits come out. Whoever may call this can tell by trying
-- what is in a column; that is no more than the same key may do through the APIs of
-- Auth and Storage, and each search is in the audit trail.

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

create function app.like_patterns(p_texts jsonb, p_is_binary boolean)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(
    '%' || regexp_replace(
      case when p_is_binary then encode(convert_to(t.text, 'UTF8'), 'escape') else t.text end,
      '([\\%_])', '\\\1', 'g'
    ) || '%'
  )
  from jsonb_array_elements_text(p_texts) t (text);
$$;
comment on function app.like_patterns(jsonb, boolean) is
  'For like: each text anywhere in another; or in bytes, as encode(…, ''escape'') writes them.';

create function public.scan_table(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_scanned record;
  v_column record;
  v_counts text[] := '{}';
  v_result jsonb;
begin
  select * into v_scanned
  from app.scanned() s
  where s.schema = request ->> 'schema' and s.name = request ->> 'name';
  if not found then
    -- Dropped meanwhile.
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;
  for v_column in
    select a.attname::text as name, a.atttypid = 'bytea'::regtype as is_binary
    from pg_catalog.pg_attribute a
    where a.attrelid = v_scanned.relation and a.attnum > 0 and not a.attisdropped
  loop
    v_counts := v_counts || format(
      '%1$L, count(*) filter (where lower(%2$s collate pg_catalog.pg_c_utf8) like any (%3$s)
         or pg_catalog.translate(%2$s, $1, '''') like any (%4$s))',
      v_column.name,
      case
        when v_column.is_binary then format('encode(t.%I, ''escape'')', v_column.name)
        else format('t.%I::text', v_column.name)
      end,
      case when v_column.is_binary then '$4' else '$2' end,
      case when v_column.is_binary then '$5' else '$3' end
    );
  end loop;
  if v_counts = '{}' then
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;

  -- So many columns at a time as a function takes arguments.
  execute format(
    'select %s from %I.%I t %s',
    (
      select string_agg(format('jsonb_build_object(%s)', part), ' || ')
      from (
        select string_agg(c.count, ', ' order by c.number) as part
        from unnest(v_counts) with ordinality c (count, number)
        group by (c.number - 1) / 40
      ) parts
    ),
    v_scanned.schema, v_scanned.name,
    case when v_scanned.is_paged then
      format(
        'where t.ctid >= ''(%s,0)'' and t.ctid < ''(%s,0)''',
        (request ->> 'first')::bigint, (request ->> 'first')::bigint + (request ->> 'count')::bigint
      )
    end
  )
  using request ->> 'separators',
    app.like_patterns(request -> 'words', false), app.like_patterns(request -> 'numbers', false),
    app.like_patterns(request -> 'words', true), app.like_patterns(request -> 'numbers', true)
  into v_result;
  return jsonb_build_object(
    'hits', (
      select coalesce(jsonb_object_agg(h.key, h.value), '{}')
      from jsonb_each(v_result) h
      where h.value <> '0'
    )
  );
end;
$$;
comment on function public.scan_table(jsonb) is
  'How many rows of a table (schema, name; of its pages count from first) have one of the words or numbers in a column, by column. Words are in lower case; numbers are looked for without separators.';
grant execute on function public.scan_table(jsonb) to service_role;

create function public.scan_objects(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object('paths', coalesce(jsonb_agg(o.name order by o.name), '[]'))
  from (
    select name
    from storage.objects
    where bucket_id = request ->> 'bucket' and name > coalesce(request ->> 'after', '')
    order by name
    limit 500
  ) o;
$$;
comment on function public.scan_objects(jsonb) is 'The paths of 500 objects of a bucket, after the path after.';
grant execute on function public.scan_objects(jsonb) to service_role;
