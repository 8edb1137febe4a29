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
