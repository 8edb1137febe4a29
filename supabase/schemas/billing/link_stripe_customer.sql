create function public.link_stripe_customer(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
begin
  insert into app.stripe_customers (id, business_id)
  select request ->> 'customer_id', b.id
  from app.businesses b
  where b.id = (request ->> 'business_id')::uuid and b.owner_id = v_owner_id
  on conflict do nothing;
  return jsonb_build_object('outcome', 'linked');
end;
$$;
comment on function public.link_stripe_customer(jsonb) is
  'Remembers which shop of the owner''s a new customer of Stripe''s is.';
grant execute on function public.link_stripe_customer(jsonb) to service_role;
