-- The holder's row, its lease renewed; null for whoever has lost it.
create function app.hold_closure(request jsonb)
returns app.closures
language sql
set search_path = ''
as $$
  update app.closures
  set run_at = app.clock() + app.closure_lease()
  where id = (request ->> 'closure_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$$;
comment on function app.hold_closure(jsonb) is
  'Renews the lease of a closure (closure_id, fencing_token) and locks it; null if the lease is lost.';
