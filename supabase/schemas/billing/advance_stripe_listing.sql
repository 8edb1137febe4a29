-- Two who list at once compare the same events twice, which does no harm; only
-- the first of them moves on.
create function public.advance_stripe_listing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (request ->> 'is_complete')::boolean then
    update app.stripe_listing
    set listed_until = page_until, page_until = null, page_after = null
    where page_until = to_timestamp((request ->> 'until')::bigint);
  else
    update app.stripe_listing
    set page_after = request ->> 'next'
    where page_until = to_timestamp((request ->> 'until')::bigint)
      and page_after is not distinct from request ->> 'after';
  end if;
  return jsonb_build_object('outcome', case when found then 'advanced' else 'behind' end);
end;
$$;
comment on function public.advance_stripe_listing(jsonb) is
  'Moves on to after the event next (or back to the beginning), or ends the listing. Outcome: advanced, or behind: another was faster.';
grant execute on function public.advance_stripe_listing(jsonb) to service_role;
