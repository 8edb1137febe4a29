-- What the tests call, as a migration would make it.

create function public.echo(p jsonb)
returns jsonb
language sql
set search_path = ''
as 'select p';
grant execute on function public.echo(jsonb) to service_role;

create function public.fail(p_code text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'as told' using errcode = p_code, detail = 'why', hint = 'what to do';
end;
$$;
grant execute on function public.fail(text) to service_role;

create function public.who()
returns jsonb
language sql
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'uid', auth.uid(), 'role', auth.role(), 'email', auth.email(), 'user', current_user
  );
$$;
grant execute on function public.who() to authenticated;

create table public.work (id integer primary key, is_claimed boolean not null default false);
alter table public.work enable row level security;
insert into public.work (id) select generate_series(1, 320);

create function public.claim(p jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with claimed as (
    update public.work
    set is_claimed = true
    where id in (
      select id from public.work where not is_claimed
      limit (p ->> 'limit')::integer for update skip locked
    )
    returning id
  )
  select pg_catalog.jsonb_agg(id) from claimed;
$$;
grant execute on function public.claim(jsonb) to service_role;

create table public.secrets (id integer primary key);
alter table public.secrets enable row level security;
create policy open_to_all on public.secrets using (true);
revoke all on public.secrets from anon, authenticated, service_role;

create function public.secret()
returns integer
language sql
set search_path = ''
as 'select 1';
revoke all on function public.secret() from public, anon, authenticated, service_role;

insert into storage.buckets (id, name, public) values ('shelf', 'shelf', false);
