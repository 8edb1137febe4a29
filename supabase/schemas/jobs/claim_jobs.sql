-- Jobs nobody holds and that are due, claimed for the caller. Skips what
-- another caller is claiming at this moment, so schedulers never wait for each
-- other; oldest first, so nothing starves.
create function public.claim_jobs(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_claimed uuid[];
  v_job_id uuid;
  v_work jsonb := '[]';
begin
  with due as (
    select id
    from app.jobs
    where state = 'open' and run_at <= app.clock()
    order by run_at
    limit (request ->> 'limit')::integer
    for update skip locked
  ), claimed as (
    update app.jobs j
    set run_at = app.clock() + app.lease(),
        attempts = attempts + 1,
        fencing_token = fencing_token + 1
    from due
    where j.id = due.id
    returning j.id
  )
  select array_agg(id) into v_claimed from claimed;
  if v_claimed is null then
    return jsonb_build_object('work', v_work, 'claimed', 0);
  end if;

  for v_job_id in
    select j.id
    from app.jobs j
    join app.messages m on m.id = j.message_id
    where j.id = any (v_claimed)
    order by m.lead_id, j.id
  loop
    v_work := v_work || coalesce(app.work_of(v_job_id), '[]');
  end loop;

  -- All that was due may have been put off; the caller comes again only for more.
  return jsonb_build_object('work', v_work, 'claimed', cardinality(v_claimed));
end;
$$;
comment on function public.claim_jobs(jsonb) is
  'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns how many it claimed, and the work that is left to do for them.';
grant execute on function public.claim_jobs(jsonb) to service_role;
