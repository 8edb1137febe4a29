create function app.business_days_after(p_day date, p_count integer)
returns date
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_day date := p_day;
  v_left integer := p_count;
begin
  while v_left > 0 loop
    v_day := v_day + 1;
    if app.is_business_day(v_day) then
      v_left := v_left - 1;
    end if;
  end loop;
  return v_day;
end;
$$;
comment on function app.business_days_after(date, integer) is
  'The business day that many after a day, which itself does not count.';
