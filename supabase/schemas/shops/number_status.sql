create function public.number_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'numbers_free', (select count(*) from app.sender_numbers where business_id is null),
    'shops_without_a_number', (
      select count(*)
      from app.businesses b
      where b.state = 'active'
        and not exists (select from app.sender_numbers n where n.business_id = b.id)
    )
  )
  from (select request) r;
$$;
comment on function public.number_status(jsonb) is
  'How many numbers wait for a shop, and how many shops for a number.';
grant execute on function public.number_status(jsonb) to service_role;
