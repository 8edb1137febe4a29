create function app.put_rows_back(p_table text, p_rows jsonb)
returns bigint
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_columns text;
  v_key text;
  v_present bigint;
begin
  if p_rows = '[]' then
    return 0;
  end if;
  -- The columns that the rows have and the table still has. What was added since has
  -- its default.
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  into v_columns
  from pg_catalog.pg_attribute a
  where a.attrelid = format('app.%I', p_table)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated = ''
    and p_rows -> 0 ? a.attname;
  execute format(
    'insert into app.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::app.%1$I, $1) %3$s',
    p_table, v_columns,
    case p_table
      -- Only a number that nobody has.
      when 'sender_numbers' then
        'on conflict (phone) do update set (business_id, texts_per_minute, created_at)
          = row (excluded.business_id, excluded.texts_per_minute, excluded.created_at)
          where sender_numbers.business_id is null'
      else 'on conflict do nothing'
    end
  )
  using p_rows;

  select string_agg(format('t.%1$I = r.%1$I', a.attname), ' and ')
  into v_key
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
  where k.conrelid = format('app.%I', p_table)::regclass and k.contype = 'p';
  execute format(
    'select count(*) from jsonb_populate_recordset(null::app.%1$I, $1) r join app.%1$I t on %2$s%3$s',
    p_table, v_key,
    case when p_table = 'sender_numbers' then ' and t.business_id = r.business_id' end
  )
  into v_present
  using p_rows;
  return v_present;
end;
$$;
comment on function app.put_rows_back(text, jsonb) is
  'Puts rows back that are not there, and returns how many of them are there now.';
