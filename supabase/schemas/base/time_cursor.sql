-- A cursor into a list that goes by a time: microseconds since 1970, and an id.
create function app.time_cursor(p_time timestamptz, p_id uuid)
returns text
language sql
immutable
set search_path = ''
as $$
  select (extract(epoch from p_time) * 1000000)::bigint || '.' || p_id;
$$;
comment on function app.time_cursor(timestamptz, uuid) is 'Where a list by time goes on.';
grant execute on function app.time_cursor(timestamptz, uuid) to authenticated;
