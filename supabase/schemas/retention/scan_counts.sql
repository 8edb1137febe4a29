-- $1 are separators, $2 and $3 words and numbers, $4 and $5 the same for bytes.
create function app.scan_counts(p_relation oid)
returns text
language sql
stable
set search_path = ''
as $$
  with columns as (
    select a.attnum, a.attname::text as name, a.atttypid = 'bytea'::regtype as is_binary
    from pg_catalog.pg_attribute a
    where a.attrelid = p_relation and a.attnum > 0 and not a.attisdropped
  ),
  counts as (
    select row_number() over (order by c.attnum) as number, format(
      '%1$L, count(*) filter (where lower(%2$s collate pg_catalog.pg_c_utf8) like any (%3$s)
         or pg_catalog.translate(%2$s, $1, '''') like any (%4$s))',
      c.name,
      case when c.is_binary then format('encode(t.%I, ''escape'')', c.name) else format('t.%I::text', c.name) end,
      case when c.is_binary then '$4' else '$2' end,
      case when c.is_binary then '$5' else '$3' end
    ) as count
    from columns c
  ),
  -- So many columns at a time as a function takes arguments.
  parts as (
    select string_agg(c.count, ', ' order by c.number) as part
    from counts c
    group by (c.number - 1) / 40
  )
  select string_agg(format('jsonb_build_object(%s)', p.part), ' || ') from parts p;
$$;
comment on function app.scan_counts(oid) is
  'An expression that counts, by column of a table (as t), the rows that have what is sought; null if it has no columns.';
