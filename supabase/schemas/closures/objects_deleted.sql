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
  ),
  put_off as (
    update app.object_deletions d
    set run_at = app.clock() + app.wait_after('closure', d.attempts + 1),
        attempts = d.attempts + 1
    from jsonb_to_recordset(request -> 'put_off') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  )
  select jsonb_build_object(
    'deleted', (select count(*) from deleted), 'put_off', (select count(*) from put_off)
  );
$$;
comment on function public.objects_deleted(jsonb) is 'Records which objects are deleted, and which are to be tried again later (put_off).';
grant execute on function public.objects_deleted(jsonb) to service_role;
