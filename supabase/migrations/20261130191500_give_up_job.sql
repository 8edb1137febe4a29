-- It does something, so its name says so.

alter function app.is_given_up(app.jobs) rename to give_up_job;

create or replace function public.claim_jobs(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Executables of before there were queues name none.
  v_queue text := coalesce(request ->> 'queue', 'texts');
  v_job app.jobs;
  v_claimed integer := 0;
  v_work jsonb := '[]';
begin
  -- Leads are locked in one order.
  for v_job in
    select j.*
    from app.claim_due(v_queue, (request ->> 'limit')::integer) j
    left join app.messages m on m.id = j.message_id
    order by m.lead_id, j.id
  loop
    v_claimed := v_claimed + 1;
    if not app.give_up_job(v_job) then
      v_work := v_work || coalesce(app.work_of(v_job), '[]');
    end if;
  end loop;

  -- All that was due may have been put off; the caller comes again only for more.
  return jsonb_build_object('work', v_work, 'claimed', v_claimed, 'late', app.count_late(v_queue));
end;
$$;
comment on function public.claim_jobs(jsonb) is
  'Claims up to limit jobs of a queue that are due, for the caller; send jobs pass the gate again. Returns how many it claimed, the work that is left to do for them, and how many of the queue are late.';
grant execute on function public.claim_jobs(jsonb) to service_role;
