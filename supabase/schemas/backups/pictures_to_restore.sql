create function app.pictures_to_restore(p_rows jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object('path', r.value ->> 'storage_path', 'content_type', r.value ->> 'found_type')
    ),
    '[]'
  )
  from jsonb_array_elements(p_rows) r
  where r.value ->> 'state' = 'stored';
$$;
comment on function app.pictures_to_restore(jsonb) is 'The objects that rows of media refer to.';
