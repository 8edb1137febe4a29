-- The roles of a hosted project, as far as ours needs them. They belong to the
-- whole cluster, so they may be there already. Run by the superuser.

do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'postgres') then
    -- Who owns the project's database and runs its migrations; not a superuser.
    create role postgres login createdb createrole replication bypassrls;

    -- The roles a request to the API runs as.
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    grant anon, authenticated, service_role to postgres;

    -- The owners of Auth's and Storage's tables.
    create role supabase_auth_admin nologin noinherit createrole;
    create role supabase_storage_admin nologin noinherit createrole;

    -- The API's own login, which becomes one of the roles above in each request.
    -- Here it is Auth's and Storage's login as well, since @supabase/lite has one
    -- connection for all three: so it may use their tables, past their policies.
    -- It may read everything so that it knows of tables nobody was granted, and
    -- answers with "permission denied" as PostgREST would; no request runs as it.
    create role authenticator login noinherit bypassrls;
    grant anon, authenticated, service_role to authenticator;
    grant pg_read_all_data to authenticator with inherit true;
    alter role authenticator set statement_timeout = '8s';
    alter role authenticator set lock_timeout = '8s';
  end if;
end;
$$;
