-- The holder's row, its lease renewed; null for whoever has lost it.
create function app.hold_export(request jsonb)
returns app.exports
language sql
set search_path = ''
as $$
  update app.exports
  set run_at = app.clock() + app.export_lease()
  where id = (request ->> 'export_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$$;
comment on function app.hold_export(jsonb) is
  'Renews the lease of an export (export_id, fencing_token) and locks it; null if the lease is lost.';
