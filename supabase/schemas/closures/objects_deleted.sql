create function public.objects_deleted(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with deleted as (
    delete from app.object_deletions d
    using jsonb_to_recordset(request -> 'objects') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  )
  select jsonb_build_object('deleted', (select count(*) from deleted));
$$;
comment on function public.objects_deleted(jsonb) is 'Records that objects are deleted.';
grant execute on function public.objects_deleted(jsonb) to service_role;
