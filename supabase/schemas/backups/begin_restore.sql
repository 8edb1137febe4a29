create function public.begin_restore(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_restore(request);
begin
  return jsonb_build_object(
    'business_id', v_closure.business_id,
    'storage_path', v_closure.storage_path,
    'key_id', v_closure.key_id,
    'wrapped_key', translate(encode(v_closure.wrapped_key, 'base64'), e'\n', ''),
    'byte_count', v_closure.byte_count,
    'sha256', encode(v_closure.sha256, 'hex'),
    'counts', v_closure.counts
  );
end;
$$;
comment on function public.begin_restore(jsonb) is
  'What it takes to open the backup of a closed account (closure_id). not_found: there is none; already_restored: it is restored; backup_gone: its backup is past its time; still_closing: it is still being closed.';
grant execute on function public.begin_restore(jsonb) to service_role;
