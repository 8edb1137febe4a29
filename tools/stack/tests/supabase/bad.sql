-- Breaks each rule of the catalog. What is found is told above it.

-- Finds function without search_path = '': app.bad()
-- Finds function without a comment: app.bad()
-- Finds function open to anon: app.bad()
-- Finds security definer function open to authenticated: app.bad()
-- Finds function in app open to service_role: app.bad()
create function app.bad() returns integer language sql security definer as 'select 1';
grant execute on function app.bad() to public;

-- Finds function that changes rows without saying which: app.empty()
-- Finds function that changes rows without saying which: app.settle()
create function app.empty() returns void language sql as
'delete from app.jobs j -- where it is
';
create function app.settle() returns integer language plpgsql as $$
declare
  v_attempts integer;
begin
  perform 1 from app.jobs where attempts > 0 for update;
  update app.jobs j set outcome = 'where' returning attempts into v_attempts;
  return (select 1 from app.jobs where attempts = v_attempts);
end;
$$;

-- Finds table without row level security: app.parents
-- Finds table without a comment: app.parents
-- Finds table that anon has rights on: app.parents
-- Finds table that authenticated has rights on: app.parents
-- Finds table that service_role has rights on: app.parents
create table app.parents (id integer primary key, secret text);
grant select (secret) on app.parents to anon;
grant update on app.parents to authenticated;
grant truncate on app.parents to service_role;

-- Finds table that owners may read as a whole: app.peeked
-- Finds table that owners may read without a policy: app.peeked
create table app.peeked (id integer primary key, business_id uuid, secret text);
alter table app.peeked enable row level security;
grant select on app.peeked to authenticated;

-- Finds policy that leaves other rows than the owner's: app.leads everybodys
-- Finds policy that leaves other rows than the owner's: app.peeked2 wide
-- Finds policy that is not for owners to read by: app.peeked2 wide
-- Finds policy that leaves other rows than the owner's: app.peeked2 own_id
-- Finds policy without an index: app.peeked2 no_index
create policy everybodys on app.leads for select to authenticated
using (true or business_id = any ((select app.own_business_ids())::uuid[]));
create table app.peeked2 (id uuid primary key, business_id uuid);
create policy wide on app.peeked2 using (business_id = any ((select app.own_business_ids())::uuid[]) or id is null);
create policy own_id on app.peeked2 for select to authenticated
using (id = any ((select app.own_business_ids())::uuid[]));
create policy no_index on app.peeked2 for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));

-- Finds table without a primary key: app.children
-- Finds time without its time zone: app.children.at
-- Finds phone number that need not be E.164: app.children.home_phone
-- Finds foreign key without an index: app.children.children_parent_id_fkey
-- Finds constraint that old rows may break: app.children.is_small
create table app.children (
  parent_id integer references app.parents (id),
  at timestamp,
  home_phone text check (home_phone <> '')
);
create index on app.children (parent_id) where at is not null;
alter table app.children add constraint is_small check (parent_id < 10) not valid;

-- Finds table outside of app: public.outside
create table public.outside (id integer primary key);

-- Finds view that reads with its owner's rights: app.peephole
create view app.peephole as select id from app.parents;

-- Finds function not owned by postgres: app.foreign_function()
-- Finds table not owned by postgres: app.foreign_table
reset role;
create function app.foreign_function() returns integer language sql as 'select 1';
create table app.foreign_table (id integer primary key);
