-- Where the comparison of Stripe's list with the log goes on. A listing begins
-- at the watermark, but no earlier than Stripe keeps events (30 days), and ends
-- five minutes ago: an event may take a moment to be listed.
create function public.resume_stripe_listing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_listing app.stripe_listing;
  v_is_new boolean;
begin
  select * into strict v_listing from app.stripe_listing for no key update;
  v_is_new := v_listing.page_until is null;
  if v_is_new then
    update app.stripe_listing
    set page_until =
      greatest(listed_until, date_trunc('second', app.clock() - interval '5 minutes'))
    where page_until is null
    returning * into strict v_listing;
  end if;
  return jsonb_build_object(
    'is_new', v_is_new,
    'since', extract(epoch from greatest(
      v_listing.listed_until, date_trunc('second', app.clock() - interval '30 days')
    ))::bigint,
    'until', extract(epoch from v_listing.page_until)::bigint,
    'after', v_listing.page_after
  );
end;
$$;
comment on function public.resume_stripe_listing(jsonb) is
  'Which events are to be compared next: created from since to before until, and listed after the event after; and whether this listing has just begun.';
grant execute on function public.resume_stripe_listing(jsonb) to service_role;
