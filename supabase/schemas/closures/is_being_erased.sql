create function app.is_being_erased(p_business_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.closures
    where business_id = p_business_id
      and state = 'open'
      and step in ('rows', 'key')
      and restored_at is null
  );
$$;
comment on function app.is_being_erased(uuid) is
  'Whether an account is sealed, or has been, and its rows are to go.';
