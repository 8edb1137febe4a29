create function public.list_conversations(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_limit integer := app.page_size(request);
  v_leads uuid[];
  v_cursors text[];
begin
  select p.leads, p.cursors into v_leads, v_cursors
  from app.conversation_page(
    v_business_id, coalesce(request ->> 'filter', 'all'), app.cursor_id(request ->> 'before'),
    app.cursor_time(request ->> 'before')
  ) p;
  return jsonb_build_object(
    'shop', v_shop,
    'conversations', app.conversation_lines(
      v_business_id, v_leads[:v_limit], v_shop ->> 'time_zone'
    ),
    'next', case when cardinality(v_leads) > v_limit then v_cursors[v_limit] end
  );
end;
$$;
comment on function public.list_conversations(jsonb) is
  'A page (limit, before) of conversations, by filter: all, unanswered, flagged or opted_out; the newest first.';
grant execute on function public.list_conversations(jsonb) to authenticated;
