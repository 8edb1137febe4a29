-- An event arrives. One that names no subscription has no effect here, and is
-- logged. One that does is a hint to ask Stripe; it is logged together with the
-- answer, by store_subscription, so that it comes again if there is none.
create function public.apply_stripe_event(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_version bigint;
begin
  if request ->> 'subscription_id' is null then
    return jsonb_build_object(
      'outcome', case when app.log_stripe_event(request) then 'ignored' else 'duplicate' end
    );
  end if;
  if exists (
    select from app.webhook_events
    where provider = 'stripe' and event_id = request ->> 'event_id'
  ) then
    return jsonb_build_object('outcome', 'duplicate');
  end if;
  select version into v_version from app.subscriptions where id = request ->> 'subscription_id';
  return jsonb_build_object('outcome', 'fetch', 'version', coalesce(v_version, 0));
end;
$$;
comment on function public.apply_stripe_event(jsonb) is
  'Takes in an event of Stripe''s. Outcome: ignored (and logged), duplicate, or fetch: the subscription is to be asked for and stored over this version.';
grant execute on function public.apply_stripe_event(jsonb) to service_role;
