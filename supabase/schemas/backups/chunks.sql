-- Lines of a cursor, put together to about 256 KB. No line is one empty chunk.
create function app.chunks(p_lines refcursor)
returns table (rows integer, lines text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_line text;
  v_lines text[] := '{}';
  v_bytes integer := 0;
  v_is_first boolean := true;
begin
  loop
    fetch p_lines into v_line;
    if v_line is null and (v_is_first or cardinality(v_lines) > 0) or v_bytes > 256 * 1024 then
      rows := cardinality(v_lines);
      lines := array_to_string(v_lines, e'\n');
      return next;
      v_lines := '{}';
      v_bytes := 0;
      v_is_first := false;
    end if;
    exit when v_line is null;
    v_lines := v_lines || v_line;
    v_bytes := v_bytes + octet_length(v_line);
  end loop;
end;
$$;
comment on function app.chunks(refcursor) is 'The lines of a cursor, as chunks of about 256 KB.';
