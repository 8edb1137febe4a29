-- The id is new each time: whoever is replaced while reading finds nothing, rather
-- than rows of two moments.
create function public.snapshot_backup(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_id uuid := gen_random_uuid();
  v_business_id uuid := (request ->> 'business_id')::uuid;
  v_snapshot jsonb;
begin
  perform from app.businesses where id = v_business_id for no key update;
  if not found then
    perform app.refuse('not_found', 'there is no such shop');
  end if;
  delete from app.backup_chunks where business_id = v_business_id;
  with chunks as (
    insert into app.backup_chunks (snapshot_id, number, business_id, file, rows, lines)
    select v_id, r.number, v_business_id, r.file, r.rows, r.lines
    from app.backup_rows(v_business_id) r
    returning file, rows
  ),
  files as (
    select file, count(*) as chunks, sum(rows) as rows from chunks group by file
  )
  select jsonb_build_object(
    'snapshot_id', v_id,
    'snapshot_at', app.ledger_time(app.clock()),
    'counts', jsonb_object_agg(f.file, f.rows),
    'chunk_count', sum(f.chunks)
  )
  into v_snapshot
  from files f;
  return v_snapshot;
end;
$$;
comment on function public.snapshot_backup(jsonb) is
  'Gathers all rows of business_id, of one moment, in place of an earlier snapshot. Returns snapshot_id, by which they are read.';
grant execute on function public.snapshot_backup(jsonb) to service_role;
