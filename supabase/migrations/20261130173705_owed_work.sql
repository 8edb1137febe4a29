-- One engine for owed work: exports and closures become kinds of jobs, beside texts. What
-- claims, leases, fences, retries and gives up stands once (supabase/schemas/jobs); each
-- kind has its steps.
--
-- Executables of before go on by the names they know (claim_export, fail_closure, ...).
-- They name the export or closure where others name the job.
--
-- Locks: app.jobs is rewritten for its new column (a second for some 100,000 rows), and
-- nothing is claimed meanwhile.

set local check_function_bodies = off;

-- What can be owed.

-- The lease is longer than the slowest holder needs for its calls (see the deadlines in
-- lib): an expired one means a dead holder. Who has no attempts to use up is never given
-- up: what an owner asked for is owed.
create or replace function app.job_kinds()
returns table (
  kind text, queue text, lease interval, longest_wait interval, most_attempts integer
)
language sql
immutable
set search_path = ''
as $$
  values
    ('reply', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('send', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('redact', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('media', 'texts', interval '60 seconds', interval '15 minutes', 12),
    -- The longest step, the snapshot, takes two minutes.
    ('export', 'exports', interval '3 minutes', interval '15 minutes', null::integer),
    -- The longest step, the seal, takes minutes.
    ('closure', 'closures', interval '15 minutes', interval '1 hour', null);
$$;
comment on function app.job_kinds() is
  'What can be owed, a closed list: who asks for it (queue), how long a claim lasts, how long at most one waits that failed, and after how many attempts it is given up.';

create or replace function app.queue_of(p_kind text)
returns text
language sql
immutable
set search_path = ''
as $$
  select k.queue from app.job_kinds() k where k.kind = p_kind;
$$;
comment on function app.queue_of(text) is 'The queue that jobs of a kind are in.';

-- A job is about a text, an export or a closure.

alter table app.jobs
  alter column message_id drop not null,
  add column export_id uuid references app.exports (id) on delete cascade,
  add column closure_id uuid references app.closures (id),
  add column last_fault text,
  add column queue text not null generated always as (app.queue_of(kind)) stored,
  drop constraint kind_is_known,
  add constraint is_about_one check (
    num_nonnulls(message_id, export_id, closure_id) = 1
    and (export_id is not null) = (kind = 'export')
    and (closure_id is not null) = (kind = 'closure')
  ),
  add constraint fault_is_short check (char_length(last_fault) <= 100);
comment on table app.jobs is
  'What is owed. Whoever finds a job open and due may claim it, for the length of a lease; it is done when its row says so.';
comment on column app.jobs.message_id is
  'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';
comment on column app.jobs.run_at is
  'From when the job may be claimed. Claiming, and each step of a job of several, moves it to the end of the lease.';
comment on column app.jobs.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.jobs.attempts is
  'How often in a row it was claimed and not done. A step that is done begins it anew; what comes before its time is not counted.';
comment on column app.jobs.last_fault is 'Why it was left for later.';
comment on column app.jobs.queue is 'Who asks for it: whoever claims does so from one queue.';
drop index app.jobs_due_idx;
create index jobs_due_idx on app.jobs (queue, run_at) where state = 'open';
create unique index jobs_export_id_key on app.jobs (export_id) where export_id is not null;
create unique index jobs_closure_id_key on app.jobs (closure_id) where closure_id is not null;

-- What is owed by now. Whoever holds it goes on with the token it has.

insert into app.jobs (
  kind, export_id, run_at, attempts, fencing_token, last_fault, created_at
)
select 'export', id, run_at, attempts, fencing_token, last_fault, requested_at
from app.exports
where state = 'open';
insert into app.jobs (
  kind, closure_id, run_at, attempts, fencing_token, last_fault, created_at
)
select 'closure', id, run_at, faults, fencing_token, last_fault, requested_at
from app.closures
where state = 'open';

-- These take what they took no more, or go.

drop function app.closure_lease();
drop function app.export_lease();
drop function app.lease();
drop function app.postpone_job(uuid, interval);
drop function app.work_of(uuid);
drop function app.closure_work(app.closures);
drop function app.export_work(app.exports);

-- How it is done now.

create or replace function public.finish_restore(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_closure app.closures;
  v_table record;
  v_count bigint;
  v_left_out bigint;
  v_withdrawn integer;
begin
  perform
  from app.businesses
  where id = (
    select business_id from app.closures where id = (request ->> 'closure_id')::uuid
  )
  for no key update;
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid and restored_at is not null;
  if found then
    -- The answer to the call before got lost.
    return jsonb_build_object('outcome', 'restored');
  end if;
  v_closure := app.hold_restore(request);

  -- Counted anew, by what the backup was made with. A late callback of Twilio's may
  -- have added to them.
  for v_table in select * from app.backup_tables() order by place loop
    execute format('select count(*) from (select from %s) c', v_table.source)
    into v_count
    using v_closure.business_id;
    v_left_out := coalesce((request -> 'left_out' ->> v_table.name)::bigint, 0);
    if v_count + v_left_out < coalesce((v_closure.counts ->> v_table.name)::bigint, 0) then
      perform app.refuse('rows_missing', 'rows are missing');
    end if;
  end loop;

  v_withdrawn := app.withdraw_suppressed(
    v_closure.business_id, coalesce(request -> 'numbers_lost', '[]')
  );
  update app.businesses set state = 'active' where id = v_closure.business_id;
  -- The key is gone with this; object and certificate follow at once.
  update app.closures
  set restored_at = app.clock(),
      wrapped_key = null,
      purge_at = app.clock()
  where id = v_closure.id;
  update app.jobs set run_at = app.clock() where closure_id = v_closure.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'operator', 'account_restored', v_closure.id);
  return jsonb_build_object('outcome', 'restored', 'opted_out_meanwhile', v_withdrawn);
end;
$$;
comment on function public.finish_restore(jsonb) is
  'Opens a restored shop again (closure_id), if all rows of its backup are there but those left_out (by table, numbers_lost among them), and destroys the backup''s key. rows_missing: not all rows are there.';
grant execute on function public.finish_restore(jsonb) to service_role;

-- The closure, locked, if its account can be restored now. Keeps the step that
-- destroys the key from being claimed while somebody is at it.
create or replace function app.hold_restore(request jsonb)
returns app.closures
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found then
    perform app.refuse('not_found', 'there is no such closure');
  elsif v_closure.restored_at is not null then
    perform app.refuse('already_restored', 'the account is restored');
  elsif v_closure.wrapped_key is null and v_closure.sealed_at is not null
    or v_closure.purge_at <= app.clock()
  then
    perform app.refuse('backup_gone', 'the backup is past its time');
  elsif v_closure.step not in ('twilio', 'key') then
    perform app.refuse('still_closing', 'the account is still being closed');
  end if;
  if v_closure.step = 'key' then
    update app.jobs
    set run_at = greatest(run_at, app.clock() + app.lease('closure'))
    where closure_id = v_closure.id;
  end if;
  return v_closure;
end;
$$;
comment on function app.hold_restore(jsonb) is
  'The closure closure_id, locked, whose account can be restored; refuses the call otherwise.';

create or replace function public.certify_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'certificate' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(v_closure, '{}');
  update app.closures
  set certificate = request ->> 'certificate',
      state = 'done',
      finished_at = app.clock(),
      owner_id = null
  where id = v_closure.id;
  perform app.finish_job(app.requested_job(request), 'done', 'certified');
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'system', 'closure_completed', v_closure.id);
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.certify_closure(jsonb) is
  'Ends a closure with its certificate. Outcome: finished or stale.';
grant execute on function public.certify_closure(jsonb) to service_role;

-- For executables of before there were queues; goes with the next release.
create or replace function public.claim_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select jsonb_build_object('work', c.claimed -> 'work' -> 0, 'overdue', c.claimed -> 'late')
  from (select public.claim_jobs('{"queue": "closures", "limit": 1}') as claimed) c;
$$;
comment on function public.claim_closure(jsonb) is 'As claim_jobs, of one closure.';
grant execute on function public.claim_closure(jsonb) to service_role;

create or replace function public.claim_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with claimed as (
    update app.twilio_redactions
    set run_at = app.clock() + app.lease('redact'), attempts = attempts + 1
    where message_sid in (
      select message_sid
      from app.twilio_redactions
      where run_at <= app.clock()
      order by run_at
      limit (request ->> 'limit')::integer
      for update skip locked
    )
    returning message_sid, media_sids
  )
  select jsonb_build_object(
    'texts', coalesce(
      jsonb_agg(jsonb_build_object('message_sid', c.message_sid, 'media_sids', c.media_sids)), '[]'
    )
  )
  from claimed c;
$$;
comment on function public.claim_twilio_redactions(jsonb) is
  'Claims texts that Twilio is to forget, as many as limit says.';
grant execute on function public.claim_twilio_redactions(jsonb) to service_role;

create or replace function public.closure_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with under_way as (
    select c.*, j.run_at, j.attempts, j.last_fault, app.is_overdue(c) as is_overdue
    from app.closures c
    join app.jobs j on j.closure_id = c.id
    where c.state = 'open'
  )
  select jsonb_build_object(
    'closures_under_way', count(*) filter (where u.step <> 'key'),
    'closures_sealed', count(*) filter (where u.step = 'key'),
    'closures_overdue', count(*) filter (where u.is_overdue),
    'closures_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'closure_id', m.id, 'business_id', m.business_id, 'step', m.step,
            'requested_at', m.requested_at, 'purge_at', m.purge_at, 'run_at', m.run_at,
            'attempts', m.attempts, 'last_fault', m.last_fault, 'is_overdue', m.is_overdue
          )
          order by m.is_overdue desc, m.run_at
        ),
        '[]'
      )
      from (
        select *
        from under_way
        where step <> 'key' or is_overdue
        order by is_overdue desc, run_at
        limit 20
      ) m
    ),
    'texts_twilio_is_to_forget', (select count(*) from app.twilio_redactions),
    'texts_twilio_does_not_forget', (
      select count(*) from app.twilio_redactions where attempts > 10
    )
  )
  from (select request) r
  left join under_way u on true;
$$;
comment on function public.closure_status(jsonb) is
  'How many accounts are being closed, at which step, and which of them are overdue.';
grant execute on function public.closure_status(jsonb) to service_role;

create or replace function app.closure_step_settle(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if not app.is_settled(p_closure) then
    return app.put_off_closure(
      p_closure,
      greatest(p_closure.requested_at + app.lease('send'), app.clock() + interval '30 seconds')
    );
  end if;
  perform app.finish_step(p_closure, '{}');
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_settle(app.closures) is
  'Waits until it is known of each text whether Twilio has it.';

create or replace function app.closure_work(p_job app.jobs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'job_id', p_job.id,
    'fencing_token', p_job.fencing_token,
    'closure_id', c.id,
    'business_id', c.business_id
  )
  from app.closures c
  where c.id = p_job.closure_id;
$$;
comment on function app.closure_work(app.jobs) is 'What the holder of a closure needs to know.';

-- For executables of before there were queues; goes with the next release.
create or replace function public.fail_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select public.fail_job(request);
$$;
comment on function public.fail_closure(jsonb) is 'As fail_job, of a closure (closure_id).';
grant execute on function public.fail_closure(jsonb) to service_role;

create or replace function app.finish_step(p_closure app.closures, p_detail jsonb)
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

-- First the closure, then its job, as whoever restores the account does.
create or replace function app.hold_closure(request jsonb)
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

-- Whether what was under way is known. A text that was handed to Twilio as the
-- account was closed is looked up by its job, as ever; its copy could not be
-- emptied if nobody knew its SID. Pictures may take an hour: what is not taken
-- over by then stays out of the backup, and is deleted at Twilio like all others.
create or replace function app.is_settled(p_closure app.closures)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_closure.requested_at + app.lease('send') <= app.clock()
    and not exists (
      select
      from app.jobs j
      join app.messages m on m.id = j.message_id
      where j.state = 'open'
        and m.business_id = p_closure.business_id
        and (j.kind = 'send' or p_closure.requested_at + interval '1 hour' > app.clock())
    );
$$;
comment on function app.is_settled(app.closures) is
  'Whether nothing is under way any more in a shop that is being closed.';

-- What the holder is to do next. Steps that are SQL alone are done here, a piece
-- at each call.
create or replace function public.next_closure_step(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- Auth's audit log has no index to find a person by.
set statement_timeout = '60s'
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return '{"step": "stale"}';
  end if;
  return case v_closure.step
    when 'billing' then app.closure_step_billing(v_closure)
    when 'settle' then app.closure_step_settle(v_closure)
    -- Another path for each holder: one that comes late replaces nothing.
    when 'seal' then jsonb_build_object(
      'step', 'seal', 'storage_path', format('%s/%s', v_closure.id, request ->> 'fencing_token')
    )
    when 'rows' then app.closure_step_rows(v_closure)
    when 'files' then app.closure_step_files(v_closure)
    when 'owner' then app.closure_step_owner(v_closure)
    when 'twilio' then app.closure_step_twilio(v_closure)
    when 'key' then app.closure_step_key(v_closure)
    when 'object' then app.closure_step_object(v_closure)
    when 'certificate' then jsonb_build_object(
      'step', 'certificate', 'content', app.certificate_content(v_closure)
    )
  end;
end;
$$;
comment on function public.next_closure_step(jsonb) is
  'What the holder of a closure (job_id, fencing_token) is to do, or that a piece was done here (progressed), that it is not due (wait), or that the lease is lost (stale).';
grant execute on function public.next_closure_step(jsonb) to service_role;

create or replace function app.put_off_closure(p_closure app.closures, p_until timestamptz)
returns jsonb
language sql
set search_path = ''
as $$
  select app.put_off_job(j.id, p_until) from app.jobs j where j.closure_id = p_closure.id;
  select '{"step": "wait"}'::jsonb;
$$;
comment on function app.put_off_closure(app.closures, timestamptz) is
  'Has a closure claimed again at a time, and not before.';

-- For executables of before there were queues; goes with the next release.
create or replace function public.release_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select public.release_job(request);
$$;
comment on function public.release_closure(jsonb) is 'As release_job, of a closure (closure_id).';
grant execute on function public.release_closure(jsonb) to service_role;

-- Who asks again has no session any more, only the token that was good for the
-- first request. It is genuine and of a recent sign-in, or the caller would not
-- have come here; and all it gets is what it got then.
create or replace function public.request_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := (request -> 'session' ->> 'user_id')::uuid;
  v_asked_id uuid := (request ->> 'business_id')::uuid;
  v_is_left boolean := coalesce((request ->> 'is_left')::boolean, false);
  v_businesses app.businesses[];
  v_business app.businesses;
  v_closure app.closures;
  v_job_id uuid;
begin
  -- Two requests at once: the second waits here, then finds what the first did.
  perform from app.businesses where owner_id = v_owner_id order by id for no key update;
  select * into v_closure
  from app.closures
  where owner_id = v_owner_id
    and restored_at is null
    and (business_id = v_asked_id or v_asked_id is null and ends_owner)
  order by requested_at desc
  limit 1;
  if found then
    return jsonb_build_object('closure', app.closure_view(v_closure), 'work', null);
  end if;

  perform app.require_session(request -> 'session');
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id and b.state = 'active' and b.id = coalesce(v_asked_id, b.id);
  if v_businesses is null then
    perform app.refuse('not_found', 'the owner has no such shop');
  elsif cardinality(v_businesses) > 1 then
    perform app.refuse('ambiguous', 'the owner has several shops');
  end if;
  v_business := v_businesses[1];
  if not app.is_same_name(v_business.name, request ->> 'confirmation') then
    perform app.refuse('other_name', 'the shop has another name');
  end if;

  update app.businesses
  set state = 'closing', updated_at = app.clock()
  where id = v_business.id;
  perform app.stop_work(v_business.id);
  insert into app.closures (business_id, owner_id, ends_owner, purge_at)
  values (
    v_business.id, v_owner_id,
    not exists (select from app.businesses where owner_id = v_owner_id and state = 'active'),
    app.clock() + app.backup_lifetime()
  )
  returning * into v_closure;
  v_job_id := app.owe_job(
    'closure', p_closure_id => v_closure.id, p_run_at => case when v_is_left then app.clock() end
  );
  if v_closure.ends_owner then
    perform app.shut_out(v_owner_id);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_business.id, 'owner', 'closure_requested', v_closure.id);
  return jsonb_build_object(
    'closure', app.closure_view(v_closure),
    'work', (
      select app.closure_work(j) from app.jobs j where j.id = v_job_id and not v_is_left
    )
  );
end;
$$;
comment on function public.request_closure(jsonb) is
  'Closes a shop of the session''s owner (business_id, where there are several) whose name was typed as confirmation; with the last shop the account. Returns the closure and, if it is new, its work, claimed for the caller unless it is left to the scheduler (is_left). other_name: it is another.';
grant execute on function public.request_closure(jsonb) to service_role;

-- Emptying what is empty does no harm, so no token keeps a late holder out.
create or replace function public.settle_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with forgotten as (
    delete from app.twilio_redactions
    where message_sid in (select jsonb_array_elements_text(request -> 'forgotten'))
    returning message_sid
  ),
  put_off as (
    update app.twilio_redactions
    set run_at = app.clock() + app.wait_after('closure', attempts)
    where message_sid in (select jsonb_array_elements_text(request -> 'put_off'))
    returning message_sid
  )
  select jsonb_build_object(
    'forgotten', (select count(*) from forgotten), 'put_off', (select count(*) from put_off)
  );
$$;
comment on function public.settle_twilio_redactions(jsonb) is
  'Records which texts Twilio has forgotten, and which are to be tried again later.';
grant execute on function public.settle_twilio_redactions(jsonb) to service_role;

-- What is under way and can be stopped, is. A text that Twilio may have keeps its
-- job until that is known: its copy there is to be emptied too.
create or replace function app.stop_work(p_business_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.state = 'open' and m.business_id = p_business_id
  order by j.id
  for update of j;
  with ended as (
    update app.jobs j
    set state = 'done', outcome = 'business_not_active', finished_at = app.clock()
    from app.messages m
    where m.id = j.message_id
      and m.business_id = p_business_id
      and j.state = 'open'
      and (j.kind = 'reply' or j.kind = 'send' and m.attempted_at is null)
    returning j.message_id, j.kind
  )
  update app.messages m
  set status = 'withheld'
  from ended
  where ended.kind = 'send' and m.id = ended.message_id and m.status = 'pending';

  -- One whose rows are being gathered at this moment, which may take a minute, is left:
  -- nobody can fetch it any more, and it goes with the account's rows and files.
  with ended as (
    update app.exports
    set state = case when state = 'ready' then 'expired' else 'cancelled' end
    where id in (
      select id
      from app.exports
      where business_id = p_business_id and state in ('unconfirmed', 'open', 'ready')
      for no key update skip locked
    )
    returning id, storage_path
  ),
  stopped as (
    update app.jobs
    set state = 'done', outcome = 'business_not_active', finished_at = app.clock()
    where export_id in (select id from ended) and state = 'open'
  )
  insert into app.object_deletions (bucket, path)
  select 'exports', storage_path
  from ended
  on conflict do nothing;
end;
$$;
comment on function app.stop_work(uuid) is
  'Ends the answers, texts and exports of a shop that are not done, and has its bundles deleted.';

-- For executables of before there were queues; goes with the next release.
create or replace function public.claim_export(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select jsonb_build_object('work', c.claimed -> 'work' -> 0, 'close_to_due', c.claimed -> 'late')
  from (select public.claim_jobs('{"queue": "exports", "limit": 1}') as claimed) c;
$$;
comment on function public.claim_export(jsonb) is 'As claim_jobs, of one export.';
grant execute on function public.claim_export(jsonb) to service_role;

create or replace function public.export_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with owed as (
    select e.*, e.due_at <= app.clock() as is_overdue, app.is_close_to_due(e) as is_close,
      coalesce(j.attempts, 0) as attempts, j.last_fault
    from app.exports e
    left join app.jobs j on j.export_id = e.id
    where e.state in ('unconfirmed', 'open')
  )
  select jsonb_build_object(
    'exports_open', count(*) filter (where state = 'open'),
    'exports_unconfirmed', count(*) filter (where state = 'unconfirmed'),
    'exports_close_to_due', count(*) filter (where is_close and not is_overdue),
    'exports_overdue', count(*) filter (where is_overdue),
    'exports_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'export_id', u.id, 'business_id', u.business_id, 'state', u.state, 'due_on', u.due_on,
            'attempts', u.attempts, 'last_fault', u.last_fault
          )
          order by u.due_at
        ),
        '[]'
      )
      from (select * from owed where is_close order by due_at limit 20) u
    )
  )
  from (select request) r
  left join owed on true;
$$;
comment on function public.export_status(jsonb) is
  'How many exports are owed, and which of them are close to due (60 % of the time is over) or overdue.';
grant execute on function public.export_status(jsonb) to service_role;

create or replace function app.export_work(p_job app.jobs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'job_id', p_job.id,
    'fencing_token', p_job.fencing_token,
    'export_id', e.id,
    'business_id', e.business_id,
    'format', e.format,
    'storage_path', e.storage_path
  )
  from app.exports e
  where e.id = p_job.export_id;
$$;
comment on function app.export_work(app.jobs) is 'What the holder of an export needs to know.';

-- For executables of before there were queues; goes with the next release.
create or replace function public.fail_export(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select public.fail_job(request);
$$;
comment on function public.fail_export(jsonb) is 'As fail_job, of an export (export_id).';
grant execute on function public.fail_export(jsonb) to service_role;

create or replace function public.finish_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- It deletes as much as the snapshot wrote.
set statement_timeout = '60s'
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set state = 'ready',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      finished_at = app.clock(),
      expires_at = app.clock() + interval '7 days'
  where id = v_export.id;
  perform app.finish_job(app.requested_job(request), 'done', 'ready');
  delete from app.export_chunks where export_id = v_export.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_export.business_id, 'system', 'export_ready', v_export.id);
  return jsonb_build_object('outcome', 'ready');
end;
$$;
comment on function public.finish_export(jsonb) is
  'Records that the bundle is stored (byte_count, sha256 in hex). Outcome: ready or stale.';
grant execute on function public.finish_export(jsonb) to service_role;

-- First the export, then its job, as whoever stops the work of a shop does.
create or replace function app.hold_export(request jsonb)
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

create or replace function public.request_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_businesses app.businesses[];
  v_business app.businesses;
  v_export app.exports;
  v_job_id uuid;
begin
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id
    and b.id = coalesce((request ->> 'business_id')::uuid, b.id);
  if v_businesses is null then
    perform app.refuse('not_found', 'the owner has no such shop');
  elsif cardinality(v_businesses) > 1 then
    perform app.refuse('ambiguous', 'the owner has several shops');
  end if;
  v_business := v_businesses[1];

  perform app.owe_export(v_business, request ->> 'format', 'owner', 'open');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open')
  for no key update;
  if v_export.state = 'unconfirmed' then
    update app.exports set state = 'open' where id = v_export.id returning * into v_export;
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_business.id, 'owner', 'export_confirmed', v_export.id);
  end if;

  -- Whoever asks first begins with it.
  v_job_id := app.owe_job('export', p_export_id => v_export.id);
  return jsonb_build_object(
    'export', app.export_view(v_export),
    'work', (select app.export_work(j) from app.jobs j where j.id = v_job_id)
  );
end;
$$;
comment on function public.request_export(jsonb) is
  'Has the account of an owner''s session exported in a format (business_id says of which shop, where there are several). Returns the export and, if it was not begun, its work, claimed for the caller.';
grant execute on function public.request_export(jsonb) to service_role;

-- A text that Twilio still has as it was written, with what we masked.
create or replace function app.owe_redaction(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid := app.owe_job('redact', p_message_id);
begin
  return app.redact_work(v_job_id);
end;
$$;
comment on function app.owe_redaction(uuid) is
  'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';

-- As before, and what the owner answers is owed by nobody else. Its callers hold
-- the lead's lock.
create or replace function app.owe_reply(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into strict v_message from app.messages where id = p_message_id;
  if not exists (
    select from app.businesses where id = v_message.business_id and state = 'active'
  ) then
    return null;
  end if;
  if not app.billing_allows(v_message.business_id) then
    perform app.flag_for_owner(v_message.lead_id, 'billing');
    return null;
  end if;
  if exists (
    select from app.leads where id = v_message.lead_id and taken_over_at is not null
  ) then
    perform app.flag_for_owner(v_message.lead_id, 'taken_over');
    return null;
  end if;
  v_job_id := app.owe_job('reply', p_message_id);
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody, does not pay, or its owner answers.';

-- What became of an attempt to empty a text at Twilio.
create or replace function public.settle_redaction(request jsonb)
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
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.retry_job(v_job.id);
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_redaction(jsonb) is
  'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;

-- Skips what another caller is claiming at this moment, so schedulers never wait for
-- each other; oldest first, so nothing starves.
create or replace function app.claim_due(p_queue text, p_limit integer)
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
    if not app.is_given_up(v_job) then
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

create or replace function app.count_late(p_queue text)
returns bigint
language sql
stable
set search_path = ''
as $$
  select case p_queue
    when 'exports' then (
      select count(*)
      from app.exports e
      where e.state in ('unconfirmed', 'open') and app.is_close_to_due(e)
    )
    when 'closures' then (select count(*) from app.closures c where app.is_overdue(c))
    else 0
  end;
$$;
comment on function app.count_late(text) is
  'How much of a queue somebody should look at: exports that are close to due, closures that are overdue.';

create or replace function public.fail_job(request jsonb)
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
  perform app.retry_job(v_job.id, p_fault => request ->> 'fault');
  -- It is not given up: somebody should look.
  if v_job.kind = 'closure' and v_job.attempts = 10 then
    insert into app.audit_events (business_id, actor, action, subject_id)
    select business_id, 'system', 'closure_stuck', id
    from app.closures
    where id = v_job.closure_id;
  end if;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_job(jsonb) is
  'Has a job (job_id, fencing_token) tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_job(jsonb) to service_role;

create or replace function app.hold_job(request jsonb)
returns app.jobs
language sql
set search_path = ''
as $$
  update app.jobs j
  set run_at = app.clock() + app.lease(j.kind)
  where j.id = app.requested_job(request) and app.is_held(j, request)
  returning *;
$$;
comment on function app.hold_job(jsonb) is
  'Renews the lease of a job (job_id, fencing_token) and locks it; null for whoever has lost it.';

create or replace function app.is_given_up(p_job app.jobs)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
begin
  if p_job.attempts
    <= coalesce((select most_attempts from app.job_kinds() where kind = p_job.kind), p_job.attempts)
  then
    return false;
  end if;
  perform app.finish_job(p_job.id, 'dead', 'too_many_attempts');
  select * into v_message from app.messages where id = p_job.message_id;
  if p_job.kind <> 'media' then
    perform app.flag_for_owner(v_message.lead_id, 'send_failed');
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_message.business_id, 'system', 'job_dead', p_job.id);
  return true;
end;
$$;
comment on function app.is_given_up(app.jobs) is
  'Gives a claimed job up whose attempts are used up, and says whether it did.';

create or replace function app.is_held(p_job app.jobs, request jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    p_job.state = 'open' and p_job.fencing_token = (request ->> 'fencing_token')::bigint, false
  );
$$;
comment on function app.is_held(app.jobs, jsonb) is
  'Whether the caller (fencing_token) holds a job: nobody has claimed it since, and it is not finished.';

create or replace function app.lease(p_kind text)
returns interval
language sql
immutable
set search_path = ''
as $$
  select k.lease from app.job_kinds() k where k.kind = p_kind;
$$;
comment on function app.lease(text) is
  'How long a job of a kind belongs to who claimed it, or renewed the claim.';

create or replace function app.lock_job(request jsonb)
returns app.jobs
language sql
set search_path = ''
as $$
  select * from app.jobs where id = app.requested_job(request) for no key update;
$$;
comment on function app.lock_job(jsonb) is 'The job that a call is about (job_id), locked, whoever holds it.';

-- Whoever makes a job mostly begins with it; if that process dies, the scheduler does.
-- What a job's work is, is to be asked in a statement of its own, which sees the job.
create or replace function app.owe_job(
  p_kind text,
  p_message_id uuid default null,
  p_export_id uuid default null,
  p_closure_id uuid default null,
  p_run_at timestamptz default null
)
returns uuid
language sql
set search_path = ''
as $$
  insert into app.jobs (
    kind, message_id, export_id, closure_id, run_at, attempts, fencing_token
  )
  select p_kind, p_message_id, p_export_id, p_closure_id,
    coalesce(p_run_at, app.clock() + app.lease(p_kind)), c.claims, c.claims
  from (select case when p_run_at is null then 1 else 0 end as claims) c
  on conflict do nothing
  returning id;
$$;
comment on function app.owe_job(text, uuid, uuid, uuid, timestamptz) is
  'Makes a job, claimed for the caller unless it says from when anybody may claim it. Returns its id; null if that is owed already.';

create or replace function app.progress_job(p_job_id uuid)
returns void
language sql
set search_path = ''
as $$
  update app.jobs set attempts = 0, last_fault = null where id = p_job_id;
$$;
comment on function app.progress_job(uuid) is
  'Forgets what failed before a step of a job that has now been done.';

create or replace function app.put_off_job(p_job_id uuid, p_until timestamptz)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until, attempts = greatest(attempts - 1, 0)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.put_off_job(uuid, timestamptz) is
  'Gives back a job whose time has not come: that is no attempt.';

create or replace function public.release_job(request jsonb)
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
  perform app.put_off_job(v_job.id, app.clock());
  return jsonb_build_object('outcome', 'released');
end;
$$;
comment on function public.release_job(jsonb) is
  'Gives a job (job_id, fencing_token) back before its lease is over: the time of the run is. Outcome: released or stale.';
grant execute on function public.release_job(jsonb) to service_role;

create or replace function app.requested_job(request jsonb)
returns uuid
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (request ->> 'job_id')::uuid,
    -- Executables of before there were queues name what it is about.
    (select id from app.jobs where export_id = (request ->> 'export_id')::uuid),
    (select id from app.jobs where closure_id = (request ->> 'closure_id')::uuid)
  );
$$;
comment on function app.requested_job(jsonb) is 'The job that a call is about (job_id).';

create or replace function app.retry_job(
  p_job_id uuid, p_at_least interval default interval '0', p_fault text default null
)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = app.clock() + greatest(app.wait_after(kind, attempts), p_at_least),
      last_fault = coalesce(p_fault, last_fault)
  where id = p_job_id and finished_at is null;
$$;
comment on function app.retry_job(uuid, interval, text) is
  'Puts a job that failed for now back in line, and keeps why, if that is known.';

-- Doubling from 10 seconds, with jitter so that what failed together does not come
-- back together.
create or replace function app.wait_after(p_kind text, p_attempts integer)
returns interval
language sql
volatile
set search_path = ''
as $$
  select least(k.longest_wait, interval '10 seconds' * power(2, least(p_attempts, 20) - 1))
    * (0.5 + pg_catalog.random() / 2)
  from app.job_kinds() k
  where k.kind = p_kind;
$$;
comment on function app.wait_after(text, integer) is
  'How long a job of a kind waits after so many attempts.';

-- Locks the job's lead where it sends.
create or replace function app.work_of(p_job app.jobs)
returns jsonb
language sql
set search_path = ''
as $$
  select case p_job.kind
    when 'reply' then app.reply_work(p_job.id)
    when 'send' then app.send_work_if_due(p_job)
    when 'redact' then app.redact_work(p_job.id)
    when 'media' then app.media_work(p_job.id)
    when 'export' then app.export_work(p_job)
    when 'closure' then app.closure_work(p_job)
  end;
$$;
comment on function app.work_of(app.jobs) is
  'What the holder of a claimed job is to do; null if there is nothing to do for it now.';

-- What became of a text's pictures, so far. What is settled stays as it is: a
-- holder that comes late has the same bytes, or none.
create or replace function public.settle_media(request jsonb)
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

  update app.media m
  set state = s.state,
      refusal = s.refusal,
      found_type = s.found_type,
      byte_count = s.byte_count,
      sha256 = pg_catalog.decode(s.sha256, 'base64'),
      settled_at = app.clock()
  from jsonb_to_recordset(request -> 'settled') s (
    position smallint, state text, refusal text, found_type text, byte_count integer, sha256 text
  )
  where m.message_id = v_job.message_id and m.position = s.position and m.state = 'pending';

  update app.media m
  set removed_at = app.clock()
  from jsonb_array_elements_text(request -> 'removed') r (position)
  where m.message_id = v_job.message_id
    and m.position = r.position::smallint
    and m.state <> 'pending'
    and m.removed_at is null;

  if not exists (
    select from app.media where message_id = v_job.message_id and removed_at is null
  ) then
    perform app.finish_job(v_job.id, 'done', 'taken_over');
  elsif (request ->> 'is_end')::boolean then
    perform app.retry_job(v_job.id);
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_media(jsonb) is
  'Records which pictures of a text are stored or refused, and which of them Twilio has removed. Ends the job with the last, or has the rest tried again.';
grant execute on function public.settle_media(jsonb) to service_role;

create or replace function app.take_media(p_message_id uuid, p_media jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.media (message_id, business_id, position, twilio_sid, told_type)
  select p_message_id, t.business_id, m.position, m.twilio_sid, m.told_type
  from app.messages t
  cross join jsonb_to_recordset(p_media) m (position smallint, twilio_sid text, told_type text)
  where t.id = p_message_id;
  if not found then
    return null;
  end if;
  v_job_id := app.owe_job('media', p_message_id);
  return app.media_work(v_job_id);
end;
$$;
comment on function app.take_media(uuid, jsonb) is
  'Records what came with a text, and makes a claimed job of taking it over. Returns its work; null if nothing came.';

-- The assistant's answer. Ends the reply job and, if the gate lets it through,
-- leaves a text that the caller may send at once.
create or replace function public.queue_outbound(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs := app.lock_job(request);
  v_message app.messages;
  v_queued jsonb;
begin
  if not app.is_held(v_job, request) then
    return jsonb_build_object('outcome', 'stale');
  end if;

  select * into strict v_message from app.messages where id = v_job.message_id;
  v_queued := app.queue_text(
    v_message.lead_id, v_message.sender_phone, 'assistant', request ->> 'body', v_message.id
  );

  if v_queued ->> 'outcome' = 'queued' then
    perform app.finish_job(v_job.id, 'done', 'queued');
  else
    perform app.finish_job(v_job.id, 'done', 'refused_' || (v_queued ->> 'reason'));
    if v_queued ->> 'reason' in ('cap', 'billing') then
      perform app.flag_for_owner(v_message.lead_id, v_queued ->> 'reason');
    end if;
  end if;
  if request ->> 'needs_owner_reason' is not null then
    perform app.flag_for_owner(v_message.lead_id, request ->> 'needs_owner_reason');
  end if;
  return v_queued;
end;
$$;
comment on function public.queue_outbound(jsonb) is
  'Ends a reply job with the assistant''s answer. Outcome: queued (with the text to send), refused (why), or stale (another holds the job).';
grant execute on function public.queue_outbound(jsonb) to service_role;

-- As before, and says which text it wrote.
create or replace function app.queue_text(
  p_lead_id uuid, p_sender_phone app.e164, p_author text, p_body text, p_in_reply_to uuid
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_turn timestamptz;
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;
  -- A confirmation comes at once or, after a STOP, never.
  if p_author <> 'system' then
    v_turn := app.paced_until(p_sender_phone, false);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', case when v_turn is null then app.clock() end
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  v_job_id := app.owe_job('send', v_message_id, p_run_at => v_turn);
  if v_turn is not null then
    return jsonb_build_object('outcome', 'queued', 'message_id', v_message_id);
  end if;
  return jsonb_build_object(
    'outcome', 'queued', 'message_id', v_message_id, 'send', app.send_work(v_job_id)
  );
end;
$$;
comment on function app.queue_text(uuid, app.e164, text, text, uuid) is
  'Writes an outbound text and, unless its number must pause, claims it for sending, if the gate lets it through.';

create or replace function app.send_work_if_due(p_job app.jobs)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
  v_answer app.gate_answer;
  v_turn timestamptz;
begin
  select * into strict v_message from app.messages where id = p_job.message_id;
  if v_message.attempted_at is not null then
    -- Twilio may have it: to be looked up, not sent. The gate comes after.
    return app.send_work(p_job.id) || '{"kind": "look_up"}';
  end if;

  v_answer := app.gate(v_message.lead_id, v_message.author, v_message.in_reply_to);
  if v_answer.retry_at is not null then
    perform app.put_off_job(p_job.id, v_answer.retry_at);
    return null;
  elsif v_answer.refusal is not null then
    update app.messages set status = 'withheld' where id = v_message.id and status = 'pending';
    perform app.finish_job(p_job.id, 'done', 'refused_' || v_answer.refusal);
    return null;
  end if;
  v_turn := app.paced_until(v_message.sender_phone, true);
  if v_turn is not null then
    perform app.put_off_job(p_job.id, v_turn);
    return null;
  end if;
  update app.messages
  set attempted_at = app.clock(), legal_basis = v_answer.legal_basis
  where id = v_message.id;
  return app.send_work(p_job.id);
end;
$$;
comment on function app.send_work_if_due(app.jobs) is
  'A claimed send job, if its text may leave now; or has it looked up, put off, or withheld.';

-- What became of an attempt to send. An accepted text is recorded even when the
-- lease was lost meanwhile: that Twilio has it is a fact, not a claim.
create or replace function public.settle_send(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_result text := request ->> 'result';
  v_job app.jobs := app.lock_job(request);
  v_message app.messages;
begin
  select * into strict v_message from app.messages where id = v_job.message_id;

  -- Another text has just been taken for this one, or this for it. Twilio may
  -- have a second one: only a look-up that passes over the first can tell.
  if v_result = 'accepted' and exists (
    select from app.messages where twilio_sid = request ->> 'twilio_sid' and id <> v_message.id
  ) then
    v_result := 'unknown';
  end if;

  if v_result = 'accepted' then
    if not app.advance_message(v_message.id, request ->> 'twilio_sid', request ->> 'status', null) then
      return jsonb_build_object('outcome', 'conflict');
    end if;
    perform app.finish_job(v_job.id, 'done', 'accepted');
    return jsonb_build_object('outcome', 'settled');
  end if;

  if not app.is_held(v_job, request) then
    return jsonb_build_object('outcome', 'stale');
  end if;

  if v_result = 'rejected' then
    perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
    if request ->> 'policy' is null then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    update app.messages
    set status = 'failed', error_code = (request ->> 'error_code')::integer, attempted_at = null
    where id = v_message.id and status = 'pending';
    perform app.finish_job(v_job.id, 'done', 'rejected');
  elsif v_result = 'not_sent' then
    update app.messages set attempted_at = null where id = v_message.id;
    perform app.retry_job(
      v_job.id, make_interval(secs => coalesce((request ->> 'retry_after_seconds')::integer, 0))
    );
  elsif v_result = 'unknown' then
    update app.jobs set run_at = v_message.attempted_at + app.lease('send') where id = v_job.id;
  elsif v_result = 'not_found' then
    -- A request on its way may still arrive; after a lease it no longer can.
    if v_message.attempted_at + app.lease('send') <= app.clock() then
      update app.messages set attempted_at = null where id = v_message.id;
      update app.jobs set run_at = app.clock() where id = v_job.id;
    else
      update app.jobs set run_at = v_message.attempted_at + app.lease('send') where id = v_job.id;
    end if;
  else
    perform app.refuse('malformed', 'unknown result');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_send(jsonb) is
  'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';
grant execute on function public.settle_send(jsonb) to service_role;

-- Exports and closures have their jobs for this.

alter table app.exports
  drop column run_at,
  drop column attempts,
  drop column fencing_token,
  drop column last_fault;
create index exports_owed_idx on app.exports (due_at) where state in ('unconfirmed', 'open');
alter table app.closures
  drop column run_at,
  drop column fencing_token,
  drop column faults,
  drop column last_fault;
create index closures_open_idx on app.closures (requested_at) where state = 'open';
comment on table app.exports is
  'Exports asked for. An open one has a job, until it is ready.';
comment on table app.closures is
  'Accounts closed and being closed. An open one has a job, until its certificate is written.';
