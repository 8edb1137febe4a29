create function app.closure_step_owner(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if p_closure.ends_owner and exists (
    select from app.businesses where owner_id = p_closure.owner_id
  ) then
    -- Another shop of the owner's, closed before, that is not erased yet.
    return app.put_off_closure(p_closure, app.clock() + interval '1 minute');
  end if;
  perform app.finish_step(
    p_closure,
    case when p_closure.ends_owner then app.erase_owner(p_closure) else '{"users": 0}' end
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_owner(app.closures) is
  'Erases the owner from Auth, if the account ends with the closure.';
