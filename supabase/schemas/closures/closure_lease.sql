create function app.closure_lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '15 minutes';
$$;
comment on function app.closure_lease() is
  'How long a closure belongs to its holder after a call; longer than the longest step, the seal.';
