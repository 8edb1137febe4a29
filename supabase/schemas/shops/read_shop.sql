create function public.read_shop(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
begin
  return jsonb_build_object('shop', v_shop, 'profile', app.profile_view((v_shop ->> 'id')::uuid));
end;
$$;
comment on function public.read_shop(jsonb) is 'The owner''s shop and its profile.';
grant execute on function public.read_shop(jsonb) to authenticated;
