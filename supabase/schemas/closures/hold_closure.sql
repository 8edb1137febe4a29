-- First the closure, then its job, as whoever restores the account does.
create function app.hold_closure(request jsonb)
returns app.closures
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select c.* into v_closure
  from app.closures c
  where c.id = (select closure_id from app.jobs where id = app.requested_job(request))
  for no key update;
  if (app.hold_job(request)).id is null then
    return null;
  end if;
  return v_closure;
end;
$$;
comment on function app.hold_closure(jsonb) is
  'The closure of a job (job_id, fencing_token), locked, the job''s lease renewed; null if it is lost.';
