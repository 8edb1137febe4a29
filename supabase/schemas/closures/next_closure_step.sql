-- What the holder is to do next. Steps that are SQL alone are done here, a piece
-- at each call.
create function public.next_closure_step(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- Auth's audit log has no index to find a person by.
set statement_timeout = '60s'
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return '{"step": "stale"}';
  end if;
  return case v_closure.step
    when 'billing' then app.closure_step_billing(v_closure)
    when 'settle' then app.closure_step_settle(v_closure)
    -- Another path for each holder: one that comes late replaces nothing.
    when 'seal' then jsonb_build_object(
      'step', 'seal', 'storage_path', format('%s/%s', v_closure.id, request ->> 'fencing_token')
    )
    when 'rows' then app.closure_step_rows(v_closure)
    when 'files' then app.closure_step_files(v_closure)
    when 'owner' then app.closure_step_owner(v_closure)
    when 'twilio' then app.closure_step_twilio(v_closure)
    when 'key' then app.closure_step_key(v_closure)
    when 'object' then app.closure_step_object(v_closure)
    when 'certificate' then jsonb_build_object(
      'step', 'certificate', 'content', app.certificate_content(v_closure)
    )
  end;
end;
$$;
comment on function public.next_closure_step(jsonb) is
  'What the holder of a closure (job_id, fencing_token) is to do, or that a piece was done here (progressed), that it is not due (wait), or that the lease is lost (stale).';
grant execute on function public.next_closure_step(jsonb) to service_role;
