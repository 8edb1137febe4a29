-- What became of an attempt to send. An accepted text is recorded even when the
-- lease was lost meanwhile: that Twilio has it is a fact, not a claim.
create function public.settle_send(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_result text := request ->> 'result';
  v_job app.jobs := app.lock_job(request);
  v_message app.messages;
begin
  select * into strict v_message from app.messages where id = v_job.message_id;

  -- Another text has just been taken for this one, or this for it. Twilio may
  -- have a second one: only a look-up that passes over the first can tell.
  if v_result = 'accepted' and exists (
    select from app.messages where twilio_sid = request ->> 'twilio_sid' and id <> v_message.id
  ) then
    v_result := 'unknown';
  end if;

  if v_result = 'accepted' then
    if not app.advance_message(v_message.id, request ->> 'twilio_sid', request ->> 'status', null) then
      return jsonb_build_object('outcome', 'conflict');
    end if;
    perform app.finish_job(v_job.id, 'done', 'accepted');
    return jsonb_build_object('outcome', 'settled');
  end if;

  if not app.is_held(v_job, request) then
    return jsonb_build_object('outcome', 'stale');
  end if;

  if v_result = 'rejected' then
    perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
    if request ->> 'policy' is null then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    update app.messages
    set status = 'failed', error_code = (request ->> 'error_code')::integer, attempted_at = null
    where id = v_message.id and status = 'pending';
    perform app.finish_job(v_job.id, 'done', 'rejected');
  elsif v_result = 'not_sent' then
    update app.messages set attempted_at = null where id = v_message.id;
    perform app.retry_job(
      v_job.id, make_interval(secs => coalesce((request ->> 'retry_after_seconds')::integer, 0))
    );
  elsif v_result = 'unknown' then
    update app.jobs set run_at = v_message.attempted_at + app.lease('send') where id = v_job.id;
  elsif v_result = 'not_found' then
    -- A request on its way may still arrive; after a lease it no longer can.
    if v_message.attempted_at + app.lease('send') <= app.clock() then
      update app.messages set attempted_at = null where id = v_message.id;
      update app.jobs set run_at = app.clock() where id = v_job.id;
    else
      update app.jobs set run_at = v_message.attempted_at + app.lease('send') where id = v_job.id;
    end if;
  else
    perform app.refuse('malformed', 'unknown result');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_send(jsonb) is
  'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';
grant execute on function public.settle_send(jsonb) to service_role;
