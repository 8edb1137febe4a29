-- The id in a cursor, or the highest there is; null in what is none.
create function app.cursor_id(p_cursor text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when p_cursor is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
    when p_cursor ~ '^([0-9]{1,17}\.)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
      right(p_cursor, 36)::uuid
  end;
$$;
comment on function app.cursor_id(text) is
  'The id in a cursor: the highest without one, null in what is none.';
grant execute on function app.cursor_id(text) to authenticated;
