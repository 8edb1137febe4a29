-- Only the holidays that every province and the federal law have, and only on
-- the day itself: whoever counts with more holidays comes to a later date.
create function app.is_business_day(p_day date)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- Easter, by Meeus, Jones and Butcher.
  v_year integer := extract(year from p_day);
  a integer := v_year % 19;
  b integer := v_year / 100;
  c integer := v_year % 100;
  h integer := (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  l integer := (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
  m integer := (a + 11 * h + 22 * l) / 451;
  v_easter date := make_date(v_year, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
begin
  return extract(isodow from p_day) < 6
    -- New Year, Canada Day, Christmas.
    and to_char(p_day, 'MM-DD') not in ('01-01', '07-01', '12-25')
    -- Good Friday.
    and p_day <> v_easter - 2
    -- Labour Day, the first Monday of September.
    and not (to_char(p_day, 'MM') = '09' and extract(isodow from p_day) = 1 and extract(day from p_day) <= 7);
end;
$$;
comment on function app.is_business_day(date) is
  'Whether offices are open that day everywhere in Canada: no date counted by it is too late for anybody.';
