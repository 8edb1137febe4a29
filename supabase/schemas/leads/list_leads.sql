-- A cursor is an id here too: a name or a number has no place in a URL. Where the
-- list goes on, the lead that has it says.
create function public.list_leads(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_limit integer := app.page_size(request);
  v_ids uuid[] := app.lead_page(v_business_id, request -> 'search', request ->> 'before');
begin
  return jsonb_build_object(
    'shop', v_shop,
    'leads', app.lead_lines(v_business_id, v_ids[:v_limit], v_shop ->> 'time_zone'),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
comment on function public.list_leads(jsonb) is
  'A page (limit, before) of leads: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';
grant execute on function public.list_leads(jsonb) to authenticated;
