create function public.rewrap_closure_key(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with rewrapped as (
    update app.closures
    set key_id = request ->> 'key_id', wrapped_key = decode(request ->> 'wrapped_key', 'base64')
    where id = (request ->> 'closure_id')::uuid
      -- What was destroyed meanwhile stays so.
      and wrapped_key = decode(request ->> 'old_wrapped_key', 'base64')
    returning id
  )
  select jsonb_build_object('rewrapped', count(*)) from rewrapped;
$$;
comment on function public.rewrap_closure_key(jsonb) is
  'Stores the key of a sealed backup (closure_id) wrapped anew (key_id, wrapped_key), if it is still the one that was read (old_wrapped_key).';
grant execute on function public.rewrap_closure_key(jsonb) to service_role;
