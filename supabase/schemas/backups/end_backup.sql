create function public.end_backup(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
  with gone as (
    delete from app.backup_chunks
    where snapshot_id = (request ->> 'snapshot_id')::uuid
    returning number
  )
  select jsonb_build_object('chunks', count(*)) from gone;
$$;
comment on function public.end_backup(jsonb) is 'Deletes the rows of a snapshot: the backup is stored, or given up.';
grant execute on function public.end_backup(jsonb) to service_role;
