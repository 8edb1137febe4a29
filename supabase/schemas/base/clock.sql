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
