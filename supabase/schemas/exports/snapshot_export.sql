-- Gathers the rows, once. One statement reads everything, so all of it is of one
-- moment; PostgREST would begin another for every page.
create function public.snapshot_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if v_export.snapshot is null then
    delete from app.export_chunks where export_id = v_export.id;
    with chunks as (
      insert into app.export_chunks (export_id, number, file, rows, rows_before, lines)
      select v_export.id, r.number, r.file, r.rows, r.rows_before, r.lines
      from app.export_rows(v_export.business_id) r
      returning file, rows
    ),
    files as (
      select file, count(*) as chunks, sum(rows) as rows from chunks group by file
    )
    update app.exports
    set snapshot = pg_current_snapshot()::text,
        snapshot_at = app.clock(),
        counts = (select jsonb_object_agg(f.file, f.rows) from files f),
        chunk_count = (select sum(f.chunks) from files f),
        rows_total = (select sum(f.rows) from files f)
    where id = v_export.id
    returning * into v_export;
  end if;
  return jsonb_build_object(
    'outcome', 'taken',
    'snapshot_at', app.ledger_time(v_export.snapshot_at),
    'counts', v_export.counts,
    'chunk_count', v_export.chunk_count
  );
end;
$$;
comment on function public.snapshot_export(jsonb) is
  'Gathers the rows of an export, all of one moment, if they are not. Outcome: taken, or stale for who has lost the lease.';
grant execute on function public.snapshot_export(jsonb) to service_role;
