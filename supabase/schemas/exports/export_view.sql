create function app.export_view(p_export app.exports)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'format', p_export.format,
    'state', p_export.state,
    'requested_at', p_export.requested_at,
    'due_on', p_export.due_on,
    'rows_done', p_export.rows_done,
    'rows_total', p_export.rows_total,
    'snapshot_at', p_export.snapshot_at,
    'byte_count', p_export.byte_count,
    'sha256', encode(p_export.sha256, 'hex'),
    'expires_at', p_export.expires_at,
    'storage_path', p_export.storage_path
  );
$$;
comment on function app.export_view(app.exports) is 'What an owner is told of an export.';
