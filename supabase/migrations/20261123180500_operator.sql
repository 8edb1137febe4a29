-- What an operator sees and may do.

create table app.refusals (
  day date not null,
  function text not null,
  reason text not null,
  count bigint not null,

  constraint refusals_pkey primary key (day, function, reason),
  constraint function_is_short check (char_length(function) between 1 and 100),
  constraint reason_is_short check (char_length(reason) between 1 and 100)
);
comment on table app.refusals is
  'How many requests were refused, by day (UTC), function and reason. Written in sums: the logs have each one.';
alter table app.refusals enable row level security;

create function public.count_refusals(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into app.refusals as r (day, function, reason, count)
  select (app.clock() at time zone 'UTC')::date, request ->> 'function', c.key, c.value::bigint
  from jsonb_each_text(request -> 'counts') c
  -- Two that add at once must not wait for each other crosswise.
  order by c.key
  on conflict (day, function, reason) do update set count = r.count + excluded.count;
  return jsonb_build_object('outcome', 'counted');
end;
$$;
comment on function public.count_refusals(jsonb) is
  'Adds to the counts of refused requests: function, and counts by reason.';
grant execute on function public.count_refusals(jsonb) to service_role;

create index jobs_dead_idx on app.jobs (id) where state = 'dead';
create index audit_events_action_at_idx on app.audit_events (action, at);

create function public.list_dead_jobs(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'jobs', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'job_id', d.id,
          'kind', d.kind,
          'message_id', d.message_id,
          'business_id', d.business_id,
          'created_at', d.created_at,
          'gave_up_at', d.finished_at,
          'attempts', d.attempts,
          'outcome', d.outcome
        )
        order by d.id
      ),
      '[]'
    )
  )
  from (
    select j.*, m.business_id
    from app.jobs j
    left join app.messages m on m.id = j.message_id
    where j.state = 'dead'
      and j.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by j.id
    limit 100
  ) d;
$$;
comment on function public.list_dead_jobs(jsonb) is 'Jobs that were given up, 100 after the job after.';
grant execute on function public.list_dead_jobs(jsonb) to service_role;

-- The job starts over; a text still passes the gate before it goes anywhere.
create function public.revive_job(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs;
begin
  update app.jobs
  set state = 'open', outcome = null, finished_at = null, attempts = 0, run_at = app.clock()
  where id = (request ->> 'job_id')::uuid and state = 'dead'
  returning * into v_job;
  if not found then
    return jsonb_build_object('outcome', 'not_dead');
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    (select business_id from app.messages where id = v_job.message_id),
    'operator', 'job_revived', v_job.id
  );
  return jsonb_build_object('outcome', 'revived');
end;
$$;
comment on function public.revive_job(jsonb) is
  'Has a job that was given up tried again. Outcome: revived, or not_dead.';
grant execute on function public.revive_job(jsonb) to service_role;

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
