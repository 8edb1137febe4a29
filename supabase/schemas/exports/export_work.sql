create function app.export_work(p_export app.exports)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'fencing_token', p_export.fencing_token,
    'format', p_export.format,
    'storage_path', p_export.storage_path
  );
$$;
comment on function app.export_work(app.exports) is 'What the holder of an export needs to know.';
