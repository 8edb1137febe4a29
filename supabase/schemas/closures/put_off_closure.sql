create function app.put_off_closure(p_closure app.closures, p_until timestamptz)
returns jsonb
language sql
set search_path = ''
as $$
  update app.closures set run_at = p_until where id = p_closure.id;
  select '{"step": "wait"}'::jsonb;
$$;
comment on function app.put_off_closure(app.closures, timestamptz) is
  'Has a closure claimed again at a time, and not before.';
