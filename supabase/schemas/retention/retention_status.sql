create function public.retention_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'retention_last_run', (
      select jsonb_build_object(
        'started_at', r.started_at, 'finished_at', r.finished_at, 'is_complete', r.is_complete,
        'purged', r.purged
      )
      from app.retention_runs r
      order by r.id desc
      limit 1
    ),
    'retention_last_complete', (
      select r.finished_at from app.retention_runs r where r.is_complete order by r.id desc limit 1
    ),
    -- What the run of yesterday should have taken.
    'retention_behind', (
      select coalesce(jsonb_agg(l.kind order by l.kind), '[]')
      from jsonb_to_recordset(request -> 'limits') l (kind text, seconds bigint)
      where app.has_due(l.kind, app.clock() - make_interval(secs => l.seconds) - interval '2 days')
    ),
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 20) o
    )
  );
$$;
comment on function public.retention_status(jsonb) is
  'The last run of cron/retention, of which kinds (limits: kind, seconds) rows are two days past their time, and the 20 longest overdue obligations.';
grant execute on function public.retention_status(jsonb) to service_role;
