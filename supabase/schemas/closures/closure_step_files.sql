create function app.closure_step_files(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
  v_objects jsonb;
begin
  if not p_closure.erased ? 'objects' then
    perform app.count_erased(
      p_closure, 'objects', (select count(*) from app.objects_of(p_closure))
    );
  end if;
  select jsonb_agg(f) into v_objects from (select * from app.objects_of(p_closure) limit 100) f;
  if v_objects is not null then
    return jsonb_build_object('step', 'files', 'objects', v_objects);
  end if;
  select * into strict v_closure from app.closures where id = p_closure.id;
  perform app.finish_step(v_closure, jsonb_build_object('objects', v_closure.erased -> 'objects'));
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_files(app.closures) is
  'The next objects of a closed account that are to be deleted.';
