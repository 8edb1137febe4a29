-- The baseline: what an operator asks, and limits.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

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

-- The generic cell rate algorithm: one row, one upsert. limit may be taken at
-- once, and after that one for each limit-th part of per_seconds.
--
-- Each call also removes two rows that are past their time, if there are, and
-- writes one at most: so there are never many more than are needed.
create function public.take_rate_limit(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_now timestamptz := app.clock();
  v_all interval := make_interval(secs => (request ->> 'per_seconds')::integer);
  v_share interval := v_all / (request ->> 'limit')::integer;
  v_subject bytea := decode(request ->> 'subject', 'hex');
  v_full_until timestamptz;
begin
  delete from app.rate_limits r
  where (r.kind, r.subject) in (
    select o.kind, o.subject
    from app.rate_limits o
    where o.full_until < v_now
    order by o.full_until
    limit 2
    for update skip locked
  );

  insert into app.rate_limits as r (kind, subject, full_until)
  values (request ->> 'kind', v_subject, v_now + v_share)
  on conflict (kind, subject) do update
    set full_until = greatest(r.full_until, v_now) + v_share
    where greatest(r.full_until, v_now) + v_share <= v_now + v_all;
  if found then
    return jsonb_build_object('allowed', true, 'retry_after_seconds', 0);
  end if;

  select r.full_until into v_full_until
  from app.rate_limits r
  where r.kind = request ->> 'kind' and r.subject = v_subject;
  return jsonb_build_object(
    'allowed', false,
    'retry_after_seconds',
    greatest(1, ceil(extract(epoch from v_full_until + v_share - v_all - v_now))::bigint)
  );
end;
$$;
comment on function public.take_rate_limit(jsonb) is
  'Takes one of limit per per_seconds for a subject (HMAC-SHA-256, hex) and kind: allowed, or retry_after_seconds.';
grant execute on function public.take_rate_limit(jsonb) to service_role;

reset check_function_bodies;
