// Prints the SQL that makes the tables of Auth and Storage, each as its owner.

import { getAuthSchemaSql, getStorageSchemaSql } from '@supabase/lite';

console.log(`
set role supabase_auth_admin;
${getAuthSchemaSql()}
set role supabase_storage_admin;
${getStorageSchemaSql()}
reset role;
`);
