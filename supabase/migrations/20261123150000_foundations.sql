-- What every later migration stands on: who may do what, time, and ids.
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
