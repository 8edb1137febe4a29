create function app.cursor_time(p_cursor text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select case
    when p_cursor is null then 'infinity'::timestamptz
    when p_cursor ~ '^[0-9]{1,17}\.' then
      'epoch'::timestamptz + split_part(p_cursor, '.', 1)::bigint * interval '1 microsecond'
  end;
$$;
comment on function app.cursor_time(text) is
  'The time in a cursor: the end of time without one, null in what is none.';
grant execute on function app.cursor_time(text) to authenticated;
