create function public.read_account(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'exports', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', e.id,
            'format', e.format,
            'state', e.state,
            'requested_at', app.moment(e.requested_at, v_time_zone),
            'due_on', e.due_on,
            'rows_done', e.rows_done,
            'rows_total', e.rows_total,
            'snapshot_at', app.moment(e.snapshot_at, v_time_zone),
            'byte_count', e.byte_count,
            'sha256', encode(e.sha256, 'hex'),
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.id desc
        ),
        '[]'
      )
      from (
        select x.id, x.format, x.state, x.requested_at, x.due_on, x.rows_done, x.rows_total,
          x.snapshot_at, x.byte_count, x.sha256, x.expires_at
        from app.exports x
        where x.business_id = (v_shop ->> 'id')::uuid
        order by x.id desc
        limit 20
      ) e
    )
  );
end;
$$;
comment on function public.read_account(jsonb) is 'The account with its last 20 exports.';
grant execute on function public.read_account(jsonb) to authenticated;
