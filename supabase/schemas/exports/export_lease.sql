create function app.export_lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '3 minutes';
$$;
comment on function app.export_lease() is
  'How long an export belongs to its holder after a step; longer than the longest step, the snapshot.';
