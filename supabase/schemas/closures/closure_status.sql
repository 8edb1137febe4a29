create function public.closure_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with under_way as (
    select c.*, j.run_at, j.attempts, j.last_fault, app.is_overdue(c) as is_overdue
    from app.closures c
    join app.jobs j on j.closure_id = c.id
    where c.state = 'open'
  )
  select jsonb_build_object(
    'closures_under_way', count(*) filter (where u.step <> 'key'),
    'closures_sealed', count(*) filter (where u.step = 'key'),
    'closures_overdue', count(*) filter (where u.is_overdue),
    'closures_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'closure_id', m.id, 'business_id', m.business_id, 'step', m.step,
            'requested_at', m.requested_at, 'purge_at', m.purge_at, 'run_at', m.run_at,
            'attempts', m.attempts, 'last_fault', m.last_fault, 'is_overdue', m.is_overdue
          )
          order by m.is_overdue desc, m.run_at
        ),
        '[]'
      )
      from (
        select *
        from under_way
        where step <> 'key' or is_overdue
        order by is_overdue desc, run_at
        limit 20
      ) m
    ),
    'texts_twilio_is_to_forget', (select count(*) from app.twilio_redactions),
    'texts_twilio_does_not_forget', (
      select count(*) from app.twilio_redactions where attempts > 10
    )
  )
  from (select request) r
  left join under_way u on true;
$$;
comment on function public.closure_status(jsonb) is
  'How many accounts are being closed, at which step, and which of them are overdue.';
grant execute on function public.closure_status(jsonb) to service_role;
