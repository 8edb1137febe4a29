create function app.moment(p_time timestamptz, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when p_time is not null then jsonb_build_object(
      'at', app.ledger_time(p_time),
      'local', to_char(p_time at time zone p_time_zone, 'YYYY-MM-DD"T"HH24:MI')
    )
  end;
$$;
comment on function app.moment(timestamptz, text) is
  'A time as the console gets it: UTC, and at the shop.';
grant execute on function app.moment(timestamptz, text) to authenticated;
