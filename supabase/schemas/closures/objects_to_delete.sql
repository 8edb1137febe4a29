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
    join app.object_deletions d on d.run_at <= app.clock()
    order by d.run_at
    limit 100
  ) o;
$$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted now, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;
