-- Every status callback is kept as it came, doubles and those that changed
-- nothing included: what a message's status was made from.

create table app.status_events (
  id uuid primary key default app.uuid_v7(),
  message_id uuid not null references app.messages (id),
  twilio_sid text not null,
  status text not null,
  error_code integer,
  fields jsonb not null,
  received_at timestamptz not null default app.clock(),

  constraint twilio_sid_form check (twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'),
  constraint fields_are_an_object check (jsonb_typeof(fields) = 'object')
);
comment on table app.status_events is 'Status callbacks as they came, one row each, never changed.';
comment on column app.status_events.fields is
  'The other fields that name no person, as Twilio sent them (lib''s sms_status lists which).';
create index status_events_message_id_idx on app.status_events (message_id);
alter table app.status_events enable row level security;

-- A status callback. The text is known by our own id, which Twilio's signature
-- covers, so the callback may come before the answer to our request.
create or replace function public.apply_status(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
  end if;

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

  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;
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
