-- The baseline: who may do what, time, ids, refusals.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- What every object stands on: who may do what, and the schema of the tables.
--
-- Tables live in the schema app, which PostgREST does not expose. The only way
-- in are functions in public, each granted by name to the one role that calls it.

-- New functions start without the execute right that Postgres gives everyone
-- and Supabase gives its API roles. Postgres keeps the right of "public" in the
-- global defaults, the rights of the API roles in those of the schema.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public
  revoke execute on functions from anon, authenticated, service_role;
alter default privileges in schema public
  revoke all on tables from anon, authenticated, service_role;

create schema app;
comment on schema app is
  'Tables and the rules that guard them. Not exposed by PostgREST; reached through functions in public.';
grant usage on schema public to service_role;
grant usage on schema app to authenticated;

create domain app.e164 as text
  constraint e164_form check (value ~ '^\+[1-9][0-9]{1,14}$');
comment on domain app.e164 is 'A phone number as ITU-T E.164 writes it: + and up to 15 digits.';

create type app.gate_answer as (legal_basis text, refusal text, retry_at timestamptz);

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

-- Invariant: Only the local stack can move time. All SQL asks app.clock(), which a
-- migrated database defines as now(). The local stack replaces that function; production
-- has nothing to switch.
--
-- The time of the transaction. Everything that stores or compares a time asks
-- this function, so that the local stack can replace it by one that lets months
-- pass in a test. A migrated database has nothing with which to move it.
create function app.clock()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select pg_catalog.now();
$$;
comment on function app.clock() is 'The time all rules go by: the transaction''s.';
grant execute on function app.clock() to authenticated;

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

create function app.cursor_time(p_cursor text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select case
    when p_cursor is null then 'infinity'::timestamptz
    when p_cursor ~ '^[0-9]{1,17}\.' then
      'epoch'::timestamptz + split_part(p_cursor, '.', 1)::bigint * interval '1 microsecond'
  end;
$$;
comment on function app.cursor_time(text) is
  'The time in a cursor: the end of time without one, null in what is none.';
grant execute on function app.cursor_time(text) to authenticated;

-- Ids of rows are UUIDs of version 7 and so in the order of time: what is new can
-- be found by the index on a lead's ids, without looking at what is old. As a
-- comparison of rows it cannot be taken to the index on all ids, where it would
-- meet the new texts of everybody.
create function app.first_id_at(p_time timestamptz)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select encode(
    overlay(
      decode('00000000000070008000000000000000', 'hex')
      placing substring(int8send(floor(extract(epoch from p_time) * 1000)::bigint) from 3)
      from 1 for 6
    ),
    'hex'
  )::uuid;
$$;
comment on function app.first_id_at(timestamptz) is
  'The least id that app.uuid_v7 makes at a time, to the millisecond.';

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

create function app.is_time_zone(p_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform now() at time zone p_name;
  -- Postgres also takes offsets and rules of its own making, which no place has.
  return p_name ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+-]+){1,2}$' or p_name = 'UTC';
exception
  when invalid_parameter_value then
    return false;
end;
$$;
comment on function app.is_time_zone(text) is 'Whether the IANA knows a time zone by this name.';

create function app.moment(p_time timestamptz, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when p_time is not null then jsonb_build_object(
      'at', app.ledger_time(p_time),
      'local', to_char(p_time at time zone p_time_zone, 'YYYY-MM-DD"T"HH24:MI')
    )
  end;
$$;
comment on function app.moment(timestamptz, text) is
  'A time as the console gets it: UTC, and at the shop.';
grant execute on function app.moment(timestamptz, text) to authenticated;

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

-- PostgREST answers an SQLSTATE PTnnn with the HTTP status nnn. Which refusals there
-- are, lib has too (providers/supabase/refusal.rs); a test compares the two.
create function app.refusal_code(p_refusal text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case p_refusal
    when 'malformed' then 'PT400'
    when 'session_ended' then 'PT401'
    when 'second_factor' then 'PT403'
    when 'not_found' then 'PT404'
    when 'other_name' then 'PT409'
    when 'backup_gone' then 'PT410'
    when 'unconfirmed' then 'PT412'
    when 'ambiguous' then 'PT417'
    when 'rows_missing' then 'PT422'
    when 'contact_taken' then 'PT423'
    when 'already_restored' then 'PT424'
    when 'still_closing' then 'PT425'
    when 'no_shop' then 'PT428'
  end;
$$;
comment on function app.refusal_code(text) is 'The SQLSTATE of a refusal; null if there is none of this name.';
grant execute on function app.refusal_code(text) to authenticated;

create function app.refuse(p_refusal text, p_message text)
returns void
language plpgsql
volatile
set search_path = ''
as $$
begin
  raise exception using
    errcode = coalesce(app.refusal_code(p_refusal), 'XX000'), message = p_message;
end;
$$;
comment on function app.refuse(text, text) is
  'Ends a call for a reason that its caller may know, and rolls it back. The message is for people who read logs, and names no data.';
grant execute on function app.refuse(text, text) to authenticated;

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

-- A cursor into a list that goes by a time: microseconds since 1970, and an id.
create function app.time_cursor(p_time timestamptz, p_id uuid)
returns text
language sql
immutable
set search_path = ''
as $$
  select (extract(epoch from p_time) * 1000000)::bigint || '.' || p_id;
$$;
comment on function app.time_cursor(timestamptz, uuid) is 'Where a list by time goes on.';
grant execute on function app.time_cursor(timestamptz, uuid) to authenticated;

-- RFC 9562, section 5.7, with the 12 bits after the version used for the
-- fraction of the millisecond (method 3), so that ids made one after another
-- in one transaction sort in that order.
create function app.uuid_v7()
returns uuid
language plpgsql
volatile
set search_path = ''
as $$
declare
  -- Runs on within a transaction, and follows app.clock() when that is moved.
  v_time timestamptz := pg_catalog.clock_timestamp() + (app.clock() - pg_catalog.now());
  v_microseconds bigint := (extract(epoch from v_time) * 1000000)::bigint;
  v_bytes bytea := pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
  v_fraction integer := ((v_microseconds % 1000) * 4096 / 1000)::integer;
begin
  v_bytes := overlay(v_bytes placing substring(pg_catalog.int8send(v_microseconds / 1000) from 3) from 1 for 6);
  v_bytes := pg_catalog.set_byte(v_bytes, 6, 112 + (v_fraction >> 8));
  v_bytes := pg_catalog.set_byte(v_bytes, 7, v_fraction & 255);
  return pg_catalog.encode(v_bytes, 'hex')::uuid;
end;
$$;
comment on function app.uuid_v7() is 'A UUID that sorts by the time it was made.';

reset check_function_bodies;
