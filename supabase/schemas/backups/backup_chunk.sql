create function public.backup_chunk(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object('file', c.file, 'rows', c.rows, 'lines', c.lines)
  from (values (null)) v
  left join app.backup_chunks c
    on c.snapshot_id = (request ->> 'snapshot_id')::uuid
    and c.number = (request ->> 'number')::integer;
$$;
comment on function public.backup_chunk(jsonb) is
  'The chunk number of a snapshot of an account; its file is null if the snapshot has been lost or replaced.';
grant execute on function public.backup_chunk(jsonb) to service_role;
