create function app.closure_step_settle(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if not app.is_settled(p_closure) then
    return app.put_off_closure(
      p_closure,
      greatest(p_closure.requested_at + app.lease('send'), app.clock() + interval '30 seconds')
    );
  end if;
  perform app.finish_step(p_closure, '{}');
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_settle(app.closures) is
  'Waits until it is known of each text whether Twilio has it.';
