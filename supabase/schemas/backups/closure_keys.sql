create function public.closure_keys(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'keys', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'closure_id', k.id,
          'storage_path', k.storage_path,
          'key_id', k.key_id,
          'wrapped_key', translate(encode(k.wrapped_key, 'base64'), e'\n', '')
        )
        order by k.id
      ),
      '[]'
    )
  )
  from (
    select c.id, c.storage_path, c.key_id, c.wrapped_key
    from app.closures c
    where c.wrapped_key is not null
      and c.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by c.id
    limit 200
  ) k;
$$;
comment on function public.closure_keys(jsonb) is
  'The wrapped keys of sealed backups, 200 after the closure after.';
grant execute on function public.closure_keys(jsonb) to service_role;
