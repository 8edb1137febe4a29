create function app.refuse_early_deletion()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (to_jsonb(old) ->> tg_argv[0])::timestamptz <= app.clock() - tg_argv[1]::interval then
    return old;
  end if;
  raise exception 'rows of %.% are kept for %', tg_table_schema, tg_table_name, tg_argv[1];
end;
$$;
comment on function app.refuse_early_deletion() is
  'Trigger: lets a row go only when a time in it (first argument, a column) is so long ago (second).';
