-- A status callback. The text is known by our own id, which Twilio's signature
-- covers, so the callback may come before the answer to our request.
create function public.apply_status(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_message app.messages;
  v_holder app.messages;
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
  end if;

  -- First of all: a row that refers to the text holds it, and whoever gives the
  -- text its SID waits for that. Callbacks that come at once would wait crosswise.
  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;

  insert into app.status_events (message_id, twilio_sid, status, error_code, fields)
  values (
    v_message.id, request ->> 'twilio_sid', request ->> 'status',
    (request ->> 'error_code')::integer, coalesce(request -> 'fields', '{}')
  );
  -- A state that texts of ours do not have, or that Twilio came up with since.
  if app.status_rank(request ->> 'status') is null then
    return jsonb_build_object('outcome', 'ignored');
  end if;
  insert into app.webhook_events (provider, event_id, type)
  values (
    'twilio',
    concat_ws(':', request ->> 'twilio_sid', request ->> 'status', request ->> 'error_code'),
    'status'
  )
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate');
  end if;

  -- A look-up may have taken this text for another to the lead that reads the
  -- same. Then that one has its status, and this one is looked up in its turn.
  select * into v_holder from app.messages where twilio_sid = request ->> 'twilio_sid';
  if v_holder.lead_id = v_message.lead_id and v_holder.id <> v_message.id then
    v_message := v_holder;
    select id into v_job_id
    from app.jobs
    where kind = 'send' and message_id = v_message.id
    for no key update;
  end if;
  perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
  if not app.advance_message(
    v_message.id, request ->> 'twilio_sid', request ->> 'status', (request ->> 'error_code')::integer
  ) then
    return jsonb_build_object('outcome', 'conflict');
  end if;
  perform app.finish_job(v_job_id, 'done', 'accepted');
  return jsonb_build_object('outcome', 'applied');
end;
$$;
comment on function public.apply_status(jsonb) is
  'Keeps a status callback, and applies it once. Outcome: applied, duplicate, ignored, conflict, or unknown_message.';
grant execute on function public.apply_status(jsonb) to service_role;
