-- Makes the row of an export, due 5 business days after today where the shop is.
create function app.owe_export(p_business app.businesses, p_format text, p_requested_by text, p_state text)
returns void
language sql
set search_path = ''
as $$
  with due as (
    select app.business_days_after((app.clock() at time zone p_business.time_zone)::date, 5) as day
  ),
  owed as (
    insert into app.exports (business_id, format, requested_by, state, due_on, due_at)
    select p_business.id, p_format, p_requested_by, p_state, due.day,
      -- The end of that day.
      (due.day + 1)::timestamp at time zone p_business.time_zone
    from due
    on conflict (business_id, format) where state in ('unconfirmed', 'open') do nothing
    returning id
  )
  insert into app.audit_events (business_id, actor, action, subject_id)
  select p_business.id, p_requested_by, 'export_requested', id
  from owed;
$$;
comment on function app.owe_export(app.businesses, text, text, text) is
  'Records that an export was asked for, unless one in that format is under way.';
