-- A period's end is never without an event; if none came, Stripe is asked. And
-- each subscription is asked about once a week, whatever came.
create function public.stale_subscriptions(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(jsonb_build_object('id', s.id, 'version', s.version) order by s.id), '[]'
  )
  from (
    select id, version
    from app.subscriptions
    where status not in ('canceled', 'incomplete_expired')
      and id > coalesce(request ->> 'after', '')
      and fetched_at < greatest(
        app.clock() - interval '7 days',
        case when current_period_end < app.clock() then current_period_end end
      )
    order by id
    limit 100
  ) s;
$$;
comment on function public.stale_subscriptions(jsonb) is
  'Up to 100 subscriptions, after the id after, that Stripe should be asked about because no event came when one should have.';
grant execute on function public.stale_subscriptions(jsonb) to service_role;
