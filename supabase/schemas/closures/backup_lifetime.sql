create function app.backup_lifetime()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '90 days';
$$;
comment on function app.backup_lifetime() is
  'How long the sealed backup of a closed account is kept: what we promise.';
