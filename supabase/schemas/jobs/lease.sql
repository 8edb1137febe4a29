-- How long a claim lasts. Longer than the slowest holder needs for its calls
-- (see the deadlines in lib), so that an expired lease means a dead holder.
create function app.lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '60 seconds';
$$;
comment on function app.lease() is 'How long a claimed job belongs to its holder.';
