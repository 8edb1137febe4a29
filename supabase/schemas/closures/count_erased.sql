create function app.count_erased(p_closure app.closures, p_what text, p_count bigint)
returns void
language sql
set search_path = ''
as $$
  update app.closures
  set erased = erased || jsonb_build_object(
    p_what, coalesce((erased ->> p_what)::bigint, 0) + p_count
  )
  where id = p_closure.id;
$$;
comment on function app.count_erased(app.closures, text, bigint) is 'Adds to what a closure has erased.';
