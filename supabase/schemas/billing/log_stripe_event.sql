-- The log of events: true the first time. A delivery of the same event in
-- flight at the same time is waited for by the primary key.
create function app.log_stripe_event(p_event jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  insert into app.webhook_events (provider, event_id, type)
  values ('stripe', p_event ->> 'event_id', p_event ->> 'type')
  on conflict do nothing;
  if not found then
    return false;
  end if;
  -- Once a day is enough to be noticed, and an endpoint that is set up wrongly
  -- sends every event so.
  if (p_event ->> 'has_other_version')::boolean and not exists (
    select
    from app.audit_events
    where business_id is null
      and action = 'stripe_version_differs'
      and at > app.clock() - interval '1 day'
  ) then
    insert into app.audit_events (actor, action) values ('provider', 'stripe_version_differs');
  end if;
  return true;
end;
$$;
comment on function app.log_stripe_event(jsonb) is 'Writes an event into the log. False if it is there.';
