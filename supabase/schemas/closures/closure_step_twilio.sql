-- What Twilio does with its copy does not keep ours: at the purge date the
-- certificate says how many are left, and they are tried on.
create function app.closure_step_twilio(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_next timestamptz;
  v_left bigint;
begin
  select min(run_at), count(*) into v_next, v_left
  from app.twilio_redactions
  where closure_id = p_closure.id;
  if v_left > 0 and p_closure.purge_at > app.clock() then
    if v_next <= app.clock() then
      return '{"step": "twilio"}';
    end if;
    return app.put_off_closure(p_closure, least(v_next, p_closure.purge_at));
  end if;
  perform app.finish_step(
    p_closure,
    jsonb_build_object(
      'texts', coalesce(p_closure.erased -> 'texts_at_twilio', '0'), 'texts_left', v_left
    )
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_twilio(app.closures) is
  'Whether texts of a closed account are to be emptied at Twilio.';
