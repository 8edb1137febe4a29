-- First the export, then its job, as whoever stops the work of a shop does.
create function app.hold_export(request jsonb)
returns app.exports
language plpgsql
set search_path = ''
as $$
declare
  v_export app.exports;
begin
  select e.* into v_export
  from app.exports e
  where e.id = (select export_id from app.jobs where id = app.requested_job(request))
  for no key update;
  if (app.hold_job(request)).id is null then
    return null;
  end if;
  return v_export;
end;
$$;
comment on function app.hold_export(jsonb) is
  'The export of a job (job_id, fencing_token), locked, the job''s lease renewed; null if it is lost.';
