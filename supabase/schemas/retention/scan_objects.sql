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
