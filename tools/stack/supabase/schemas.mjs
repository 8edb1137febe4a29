// Prints the SQL that makes the tables of Auth and Storage, each as its owner.

import { getAuthSchemaSql, getStorageSchemaSql } from '@supabase/lite';

console.log(`
set role supabase_auth_admin;
${getAuthSchemaSql()}

-- Deviation: Lite knows no instances. Hosted Auth has one, whose id it writes into each user,
-- and finds no user of another (see tokens.mjs); the column has no default there either.
alter table auth.users add column instance_id uuid;
create function auth.of_the_instance()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Lite's own statements are of the API's login, ours of who owns our functions.
  if current_user = 'authenticator' then
    new.instance_id := '00000000-0000-0000-0000-000000000000';
  end if;
  return new;
end;
$$;
create trigger users_of_the_instance
before insert on auth.users
for each row execute function auth.of_the_instance();

set role supabase_storage_admin;
${getStorageSchemaSql()}
reset role;
`);
