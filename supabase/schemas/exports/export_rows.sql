-- Everything of an account, as lines of JSON in chunks of about 256 KB.
--
-- Stable, so that all its queries see what the statement sees that calls it.
create function app.export_rows(p_business_id uuid)
returns table (number integer, file text, rows integer, rows_before bigint, lines text)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_file record;
  v_cursor refcursor;
begin
  number := 0;
  rows_before := 0;
  for v_file in select * from app.export_files() order by place loop
    open v_cursor for execute format(
      'select row_to_json(r)::text from (select %s from app.%I t %s) r',
      concat_ws(', ', app.told_columns(v_file.name, 'bundle'), v_file.also),
      v_file.name, v_file.source
    )
    using p_business_id;
    file := v_file.file;
    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
      rows_before := rows_before + rows;
    end loop;
    close v_cursor;
  end loop;
end;
$$;
comment on function app.export_rows(uuid) is
  'All rows of an account that an export holds, file by file, in chunks of lines of JSON.';
