-- What a hosted project's database has before its first migration, as far as
-- ours needs it. Run by the superuser. The tables of Auth and Storage come from
-- @supabase/lite afterwards (see schemas.mjs).

create schema extensions;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
grant create on schema extensions to postgres;
create extension pgcrypto with schema extensions;
create extension "uuid-ossp" with schema extensions;

-- A new table or function in public is open to the API's roles, until a migration says otherwise.
grant usage on schema public to postgres, anon, authenticated, service_role;
grant create on schema public to postgres;
alter default privileges for role postgres in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;

-- Lite's SQL says "create schema if not exists", which asks for this right first.
do $$
begin
  execute pg_catalog.format(
    'grant create on database %I to supabase_auth_admin, supabase_storage_admin',
    pg_catalog.current_database()
  );
end;
$$;

create schema auth authorization supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role, authenticator;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on tables to postgres, authenticator;

create schema storage authorization supabase_storage_admin;
grant usage on schema storage to postgres, anon, authenticated, service_role, authenticator;
alter default privileges for role supabase_storage_admin in schema storage
  grant all on tables to postgres, anon, authenticated, service_role, authenticator;

-- Who makes the request, from the claims of its token. (Lite's own functions read a
-- setting for each claim, and nothing sets the one for the e-mail address.)
set role supabase_auth_admin;

create function auth.jwt()
returns jsonb
language sql
stable
as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb;
$$;

create function auth.uid()
returns uuid
language sql
stable
as $$
  select (auth.jwt() ->> 'sub')::uuid;
$$;

create function auth.role()
returns text
language sql
stable
as $$
  select auth.jwt() ->> 'role';
$$;

create function auth.email()
returns text
language sql
stable
as $$
  select auth.jwt() ->> 'email';
$$;

reset role;
