-- Skips what another caller is claiming at this moment, so schedulers never wait for
-- each other; oldest first, so nothing starves.
create function app.claim_due(p_queue text, p_limit integer)
returns setof app.jobs
language sql
set search_path = ''
as $$
  with due as (
    select id
    from app.jobs
    where queue = p_queue and state = 'open' and run_at <= app.clock()
    order by run_at
    limit p_limit
    for update skip locked
  )
  update app.jobs j
  set run_at = app.clock() + app.lease(j.kind),
      attempts = j.attempts + 1,
      fencing_token = j.fencing_token + 1
  from due
  where j.id = due.id
  returning j.*;
$$;
comment on function app.claim_due(text, integer) is
  'Claims jobs of a queue that nobody holds and that are due.';
