create function app.closure_step_key(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if p_closure.purge_at > app.clock() then
    return app.put_off_closure(p_closure, p_closure.purge_at);
  end if;
  -- What a restore that was begun and given up has left goes first.
  if p_closure.restored_at is null
    and exists (select from app.businesses where id = p_closure.business_id)
  then
    if not app.erase_rows(p_closure) then
      perform app.erase_shop(p_closure);
      if p_closure.ends_owner then
        perform app.erase_owner(p_closure);
      end if;
    end if;
    return '{"step": "progressed"}';
  end if;
  update app.closures set wrapped_key = null where id = p_closure.id;
  perform app.finish_step(p_closure, jsonb_build_object('key_id', p_closure.key_id));
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_key(app.closures) is
  'Destroys the key of a sealed backup at its purge date.';
