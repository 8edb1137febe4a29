-- What the local stack adds to a migrated database. Run again after new
-- migrations, so every statement may find its work done.

create schema if not exists local;
comment on schema local is 'The local stack''s own. Neither exposed nor known to the product.';
-- Whoever may ask for the time has to read this.
grant usage on schema local to public;

create table if not exists local.migrations (
  version text primary key,
  sha256 text not null
);
comment on table local.migrations is
  'What the applied migrations were, so that a change to one of them is noticed.';

create table if not exists local.clock_offset (
  seconds bigint not null,
  is_only_row boolean primary key default true,
  constraint there_is_one_row check (is_only_row)
);
comment on table local.clock_offset is 'How far app.clock() is ahead of the real time.';
insert into local.clock_offset (seconds) values (0) on conflict do nothing;
grant select on local.clock_offset to public;

-- As the migrations made it, but for the offset.
create or replace function app.clock()
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select pg_catalog.now() + pg_catalog.make_interval(secs => (select seconds from local.clock_offset));
$$;

-- Deviation: Lite has no second factors. A hosted project has this table whether
-- anyone uses them or not, and the migrations' functions read it.
create table if not exists auth.mfa_factors (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text,
  factor_type text not null check (factor_type in ('totp', 'webauthn', 'phone')),
  status text not null check (status in ('unverified', 'verified')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  secret text
);
alter table auth.mfa_factors owner to supabase_auth_admin;
grant all on auth.mfa_factors to postgres;
