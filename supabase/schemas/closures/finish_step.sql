create function app.finish_step(p_closure app.closures, p_detail jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into app.closure_receipts (closure_id, step, detail)
  values (p_closure.id, p_closure.step, p_detail);
  update app.closures
  set step = coalesce(
        (app.closure_steps())[array_position(app.closure_steps(), p_closure.step) + 1], step
      )
  where id = p_closure.id;
  perform app.progress_job(j.id) from app.jobs j where j.closure_id = p_closure.id;
end;
$$;
comment on function app.finish_step(app.closures, jsonb) is
  'Writes the receipt of a closure''s step, and goes on to the next.';
