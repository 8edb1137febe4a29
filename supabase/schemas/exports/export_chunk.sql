create function public.export_chunk(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports := app.hold_export(request);
  v_chunk app.export_chunks;
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  select * into v_chunk
  from app.export_chunks
  where export_id = v_export.id and number = (request ->> 'number')::integer;
  if not found then
    -- The database has crashed since: begin anew.
    update app.exports
    set snapshot = null, snapshot_at = null, counts = null, chunk_count = null, rows_total = null,
        rows_done = 0
    where id = v_export.id;
    return jsonb_build_object('outcome', 'lost');
  end if;
  update app.exports set rows_done = v_chunk.rows_before + v_chunk.rows where id = v_export.id;
  return jsonb_build_object(
    'outcome', 'chunk', 'file', v_chunk.file, 'rows', v_chunk.rows, 'lines', v_chunk.lines
  );
end;
$$;
comment on function public.export_chunk(jsonb) is
  'The chunk number of an export''s rows. Outcome: chunk, stale, or lost if the rows have to be gathered anew.';
grant execute on function public.export_chunk(jsonb) to service_role;
