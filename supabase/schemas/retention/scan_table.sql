create function public.scan_table(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_scanned record;
  v_counts text;
  v_result jsonb;
begin
  select * into v_scanned
  from app.scanned() s
  where s.schema = request ->> 'schema' and s.name = request ->> 'name';
  if not found then
    -- Dropped meanwhile.
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;
  v_counts := app.scan_counts(v_scanned.relation);
  if v_counts is null then
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;

  execute format(
    'select %s from %I.%I t %s',
    v_counts,
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
