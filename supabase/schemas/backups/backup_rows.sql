-- Stable, so that all its queries see what the statement sees that calls it.
create function app.backup_rows(p_business_id uuid)
returns table (number integer, file text, rows integer, lines text)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_table record;
  v_cursor refcursor;
begin
  number := 0;
  for v_table in select * from app.backup_tables() order by place loop
    open v_cursor for execute 'select row_to_json(t)::text from ' || v_table.source
    using p_business_id;
    file := v_table.name;
    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
    end loop;
    close v_cursor;
  end loop;
end;
$$;
comment on function app.backup_rows(uuid) is
  'All rows of an account that a backup holds, table by table, in chunks of lines of JSON.';
