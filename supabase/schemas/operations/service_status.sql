create function public.service_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'jobs_due', (select count(*) from app.jobs where state = 'open' and run_at <= app.clock()),
    'oldest_due_seconds', (
      select extract(epoch from app.clock() - min(run_at))::bigint
      from app.jobs
      where state = 'open' and run_at <= app.clock()
    ),
    'jobs_dead', (select count(*) from app.jobs where state = 'dead'),
    'jobs_unreadable', (
      select count(*) from app.jobs where state = 'open' and last_fault = 'unreadable'
    ),
    'sent_twice_in_7_days', (
      select count(*)
      from app.audit_events
      where action = 'message_sent_twice' and at > app.clock() - interval '7 days'
    ),
    'refused_today', (
      select coalesce(jsonb_object_agg(t.function || ': ' || t.reason, t.count), '{}')
      from app.refusals t
      where t.day = (app.clock() at time zone 'UTC')::date
    )
  )
  from (select request) r;
$$;
comment on function public.service_status(jsonb) is
  'What an operator looks at first: work that is late or given up, texts sent twice, requests refused today.';
grant execute on function public.service_status(jsonb) to service_role;
