create function public.list_activity(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_ids uuid[];
  v_events jsonb;
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'at', app.moment(p.at, v_time_zone),
        'actor', p.actor,
        'action', p.action,
        'subject_id', p.subject_id
      )
      order by p.id desc
    )
  into v_ids, v_events
  from (
    select q.*
    from (
      select a.id, a.at, a.actor, a.action, a.subject_id
      from app.audit_events a
      where a.business_id = v_business_id and a.id < v_before_id
      order by a.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;
  return jsonb_build_object(
    'shop', v_shop,
    'events', coalesce(
      case when cardinality(v_ids) > v_limit then v_events - v_limit else v_events end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
comment on function public.list_activity(jsonb) is
  'A page (limit, before) of what was done in the account, the newest first.';
grant execute on function public.list_activity(jsonb) to authenticated;
