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
