-- Evidence is added to, never changed. (Erasure of a lead comes with its own
-- function, which says what it keeps.)
create function app.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
end;
$$;
comment on function app.refuse_change() is 'Trigger of append-only tables.';
