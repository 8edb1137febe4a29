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
