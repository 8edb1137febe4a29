create function app.put_off_closure(p_closure app.closures, p_until timestamptz)
returns jsonb
language sql
set search_path = ''
as $$
  select app.put_off_job(j.id, p_until) from app.jobs j where j.closure_id = p_closure.id;
  select '{"step": "wait"}'::jsonb;
$$;
comment on function app.put_off_closure(app.closures, timestamptz) is
  'Has a closure claimed again at a time, and not before.';
