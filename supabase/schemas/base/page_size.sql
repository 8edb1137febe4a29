create function app.page_size(request jsonb)
returns integer
language sql
immutable
set search_path = ''
as $$
  select least(greatest(coalesce((request ->> 'limit')::integer, 50), 1), 100);
$$;
comment on function app.page_size(jsonb) is 'How many rows of a list are asked for: 1 to 100.';
grant execute on function app.page_size(jsonb) to authenticated;
