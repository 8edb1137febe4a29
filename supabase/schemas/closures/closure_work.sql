create function app.closure_work(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'fencing_token', p_closure.fencing_token
  );
$$;
comment on function app.closure_work(app.closures) is 'What the holder of a closure needs to know.';
