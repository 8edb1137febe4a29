create function app.told_columns(p_table text, p_purpose text)
returns text
language sql
stable
set search_path = ''
as $$
  select string_agg(
    case
      when a.atttypid = 'bytea'::regtype
        then format('encode(t.%1$I, ''hex'') as %1$I', a.attname)
      else format('t.%I', a.attname)
    end,
    ', ' order by a.attnum
  )
  from pg_catalog.pg_attribute a
  where a.attrelid = format('app.%I', p_table)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attname <> all (coalesce(app.columns_left_out(p_table, p_purpose), '{}'));
$$;
comment on function app.told_columns(text, text) is
  'The columns of a table, as t, that a bundle or a person''s file holds, for a select: bytes in hexadecimal digits.';
