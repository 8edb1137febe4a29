create function public.objects_to_delete(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'objects', coalesce(jsonb_agg(jsonb_build_object('bucket', o.bucket, 'path', o.path)), '[]')
  )
  from (
    select d.bucket, d.path
    from (select request) r
    cross join app.object_deletions d
    order by d.created_at
    limit 100
  ) o;
$$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;
