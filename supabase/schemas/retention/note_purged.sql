create function app.note_purged(p_run_id uuid, p_kind text, p_count bigint)
returns void
language sql
set search_path = ''
as $$
  update app.retention_runs
  set purged = purged
    || jsonb_build_object(p_kind, coalesce((purged ->> p_kind)::bigint, 0) + p_count)
  where id = p_run_id and p_count > 0;
$$;
comment on function app.note_purged(uuid, text, bigint) is
  'Adds to the record of a run, in the transaction that deletes.';
