create function public.seal_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'seal' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set key_id = request ->> 'key_id',
      wrapped_key = decode(request ->> 'wrapped_key', 'base64'),
      storage_path = request ->> 'storage_path',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      counts = request -> 'counts',
      sealed_at = app.clock()
  where id = v_closure.id;
  perform app.finish_step(
    v_closure,
    jsonb_build_object(
      'sha256', request ->> 'sha256', 'byte_count', (request ->> 'byte_count')::bigint,
      'key_id', request ->> 'key_id',
      'pictures', (request ->> 'pictures')::bigint,
      'pictures_missing', (request ->> 'pictures_missing')::bigint
    )
  );
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.seal_closure(jsonb) is
  'Records the sealed backup and its wrapped key (storage_path, byte_count, sha256 in hex, counts, pictures, pictures_missing, key_id, wrapped_key in base64). From then on rows are erased. Outcome: finished or stale.';
grant execute on function public.seal_closure(jsonb) to service_role;
