create function app.closure_step_object(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_objects jsonb;
begin
  select jsonb_agg(f) into v_objects
  from (
    select * from app.backups_of(p_closure)
    union
    -- What was on its way to a bucket while the account was erased.
    select * from app.objects_of(p_closure) where p_closure.restored_at is null
    limit 100
  ) f;
  if v_objects is not null then
    return jsonb_build_object('step', 'files', 'objects', v_objects);
  end if;
  perform app.finish_step(
    p_closure,
    jsonb_build_object(
      'sha256', encode(p_closure.sha256, 'hex'), 'byte_count', p_closure.byte_count
    )
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_object(app.closures) is
  'The sealed backups of a closure that are to be deleted.';
