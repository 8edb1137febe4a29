-- In the middle of the night in one of the zones is too late in all of them. A
-- number whose home is unknown is taken to be where the shop is.
create function app.quiet_until(p_phone text, p_shop_time_zone text)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  with places as (
    select time_zone
    from unnest(
      coalesce(
        (
          select a.time_zones
          from app.area_codes a
          where p_phone like '+1%' and a.area_code = substr(p_phone, 3, 3)
        ),
        array[p_shop_time_zone]
      )
    ) time_zone
  )
  select max(
    case
      when local.hour < 9 then (local.day + time '09:00') at time zone p.time_zone
      else (local.day + 1 + time '09:00') at time zone p.time_zone
    end
  )
  from places p
  cross join lateral (
    select extract(hour from app.clock() at time zone p.time_zone) as hour,
      (app.clock() at time zone p.time_zone)::date as day
  ) local
  where local.hour not between 9 and 19;
$$;
comment on function app.quiet_until(text, text) is
  'From when it makes sense to ask again whether a text that answers nothing may arrive at a number; null if it may now.';
