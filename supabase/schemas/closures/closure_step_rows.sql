create function app.closure_step_rows(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  if not app.erase_rows(p_closure) then
    perform app.erase_shop(p_closure);
    select * into strict v_closure from app.closures where id = p_closure.id;
    perform app.finish_step(v_closure, v_closure.erased);
  end if;
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_rows(app.closures) is
  'Erases some rows of a closed account; in the end the shop.';
