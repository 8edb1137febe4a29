create function public.release_job(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs := app.lock_job(request);
begin
  if not app.is_held(v_job, request) then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.put_off_job(
    v_job.id,
    -- Another deployment may know what to do with it.
    app.clock() + case when request ? 'fault' then interval '5 minutes' else interval '0' end,
    request ->> 'fault'
  );
  return jsonb_build_object('outcome', 'released');
end;
$$;
comment on function public.release_job(jsonb) is
  'Gives a job (job_id, fencing_token) back before its lease is over: the time of the run is, or its holder does not know what it is (fault). Outcome: released or stale.';
grant execute on function public.release_job(jsonb) to service_role;
