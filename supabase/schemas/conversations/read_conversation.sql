create function public.read_conversation(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_texts jsonb;
  v_ids uuid[];
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'author', p.author,
        'body', p.body,
        'masked_count', p.masked_count,
        'at', app.moment(p.created_at, v_time_zone),
        'status', p.status,
        'error_code', p.error_code,
        'legal_basis', p.legal_basis,
        'media', case when p.media_count > 0 then app.media_view(p.id) else '[]' end
      )
      order by p.id desc
    )
  into v_ids, v_texts
  from (
    select q.*
    from (
      select m.id, m.author, m.body, m.masked_count, m.media_count, m.created_at, m.status,
        m.error_code, m.legal_basis
      from app.messages m
      where m.lead_id = v_lead.id and m.id < v_before_id
      order by m.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;

  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    'texts', coalesce(
      case when cardinality(v_ids) > v_limit then v_texts - v_limit else v_texts end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
comment on function public.read_conversation(jsonb) is
  'A page (limit, before) of the texts with a lead (lead_id), the newest first.';
grant execute on function public.read_conversation(jsonb) to authenticated;
