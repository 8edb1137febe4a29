create function public.export_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with owed as (
    select e.*, e.due_at <= app.clock() as is_overdue, app.is_close_to_due(e) as is_close,
      coalesce(j.attempts, 0) as attempts, j.last_fault
    from app.exports e
    left join app.jobs j on j.export_id = e.id
    where e.state in ('unconfirmed', 'open')
  )
  select jsonb_build_object(
    'exports_open', count(*) filter (where state = 'open'),
    'exports_unconfirmed', count(*) filter (where state = 'unconfirmed'),
    'exports_close_to_due', count(*) filter (where is_close and not is_overdue),
    'exports_overdue', count(*) filter (where is_overdue),
    'exports_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'export_id', u.id, 'business_id', u.business_id, 'state', u.state, 'due_on', u.due_on,
            'attempts', u.attempts, 'last_fault', u.last_fault
          )
          order by u.due_at
        ),
        '[]'
      )
      from (select * from owed where is_close order by due_at limit 20) u
    )
  )
  from (select request) r
  left join owed on true;
$$;
comment on function public.export_status(jsonb) is
  'How many exports are owed, and which of them are close to due (60 % of the time is over) or overdue.';
grant execute on function public.export_status(jsonb) to service_role;
