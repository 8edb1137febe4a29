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
