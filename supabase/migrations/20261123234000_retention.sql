-- What is past its time goes.
--
-- How long what is kept says lib (retention.rs, one table); here is how rows go:
-- a batch at a time, oldest first, each in a transaction of its own, so that
-- nothing waits for a purge. Of evidence Postgres itself knows how long it has to
-- stay at least: a wrong number in lib deletes none.

-- --- Where a purge begins ---------------------------------------------------

-- One for each kind with a limit of its own; a row is in one of them.
create index webhook_events_stripe_idx on app.webhook_events (received_at)
  where provider = 'stripe';
create index webhook_events_message_idx on app.webhook_events (received_at)
  where provider = 'twilio' and type = 'message';
create index webhook_events_status_idx on app.webhook_events (received_at)
  where provider = 'twilio' and type = 'status';
create index exports_expired_idx on app.exports (expires_at) where state = 'expired';
-- Also whoever deletes the objects takes the oldest first.
create index object_deletions_created_at_idx on app.object_deletions (created_at);

-- --- What a purge leaves behind ---------------------------------------------

-- Postgres would clean up after a fifth of a table, which of these is a season's.
alter table app.webhook_events set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.status_events set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.jobs set (autovacuum_vacuum_scale_factor = 0.02);

-- The planner keeps samples of what is in a column, in a table of its own, also
-- after the rows are gone. Of these it needs none: they are never searched for, or
-- by a unique index.
alter table app.leads
  alter column phone set statistics 0,
  alter column name set statistics 0,
  alter column email set statistics 0,
  alter column notes set statistics 0;
alter table app.messages alter column body set statistics 0;
alter table app.consent_events
  alter column wording set statistics 0,
  alter column wording_salt set statistics 0;
alter table app.export_chunks alter column lines set statistics 0;
alter table app.businesses
  alter column name set statistics 0,
  alter column mailing_address set statistics 0,
  alter column contact_email set statistics 0,
  alter column contact_phone set statistics 0,
  alter column website set statistics 0,
  alter column about set statistics 0,
  alter column instructions set statistics 0;

-- --- Evidence stays its time ------------------------------------------------

create function app.refuse_early_deletion()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (to_jsonb(old) ->> tg_argv[0])::timestamptz <= app.clock() - tg_argv[1]::interval then
    return old;
  end if;
  raise exception 'rows of %.% are kept for %', tg_table_schema, tg_table_name, tg_argv[1];
end;
$$;
comment on function app.refuse_early_deletion() is
  'Trigger: lets a row go only when a time in it (first argument, a column) is so long ago (second).';

drop trigger audit_events_are_never_changed on app.audit_events;
create trigger audit_events_are_never_changed
  before update or truncate on app.audit_events
  for each statement execute function app.refuse_change();
create trigger audit_events_stay
  before delete on app.audit_events
  for each row execute function app.refuse_early_deletion('at', '5 years');

-- A person may claim for three years what we did with their consent. They begin
-- when there is nobody left to text: as long as the lead exists, so does the chain.
alter table app.consent_ledgers add column orphaned_at timestamptz;
comment on column app.consent_ledgers.orphaned_at is
  'Since when there is no such lead; it may have come back since.';
update app.consent_ledgers c
set orphaned_at = app.clock()
where not exists (
  select from app.leads l where l.business_id = c.business_id and l.phone_hmac = c.phone_hmac
);
create index consent_ledgers_orphaned_at_idx on app.consent_ledgers (orphaned_at)
  where orphaned_at is not null;

create function app.note_orphaned_consent()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update app.consent_ledgers c
  set orphaned_at = app.clock()
  from erased e
  where c.business_id = e.business_id and c.phone_hmac = e.phone_hmac;
  return null;
end;
$$;
comment on function app.note_orphaned_consent() is
  'Trigger of app.leads: the time of a chain runs from when its lead was erased.';
create trigger leads_leave_their_consent
  after delete on app.leads
  referencing old table as erased
  for each statement execute function app.note_orphaned_consent();

create trigger consent_ledgers_stay
  before delete on app.consent_ledgers
  for each row execute function app.refuse_early_deletion('orphaned_at', '3 years');
create trigger consent_ledgers_are_never_truncated
  before truncate on app.consent_ledgers
  for each statement execute function app.refuse_change();

-- A chain goes whole or not at all.
drop trigger if exists consent_events_are_never_deleted on app.consent_events;
create or replace trigger consent_events_are_never_truncated
  before truncate on app.consent_events
  for each statement execute function app.refuse_change();

create function app.refuse_gap_in_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select
    from app.consent_ledgers
    where business_id = old.business_id and phone_hmac = old.phone_hmac
  ) then
    raise exception 'rows of %.% go with their chain only', tg_table_schema, tg_table_name;
  end if;
  return old;
end;
$$;
comment on function app.refuse_gap_in_evidence() is
  'Trigger of app.consent_events: a row goes only when the end of its chain is gone.';
create trigger consent_events_go_with_their_chain
  before delete on app.consent_events
  for each row execute function app.refuse_gap_in_evidence();

create function app.delete_chain()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  delete from app.consent_events e
  using gone g
  where e.business_id = g.business_id and e.phone_hmac = g.phone_hmac;
  return null;
end;
$$;
comment on function app.delete_chain() is
  'Trigger of app.consent_ledgers: with the end of a chain go its rows.';
create trigger consent_ledgers_take_their_chain
  after delete on app.consent_ledgers
  referencing old table as gone
  for each statement execute function app.delete_chain();

-- --- Runs -------------------------------------------------------------------

create table app.retention_runs (
  id uuid primary key default app.uuid_v7(),
  started_at timestamptz not null default app.clock(),
  finished_at timestamptz,
  is_complete boolean not null default false,
  purged jsonb not null default '{}',

  constraint complete_is_finished check (finished_at is not null or not is_complete),
  constraint purged_is_an_object check (jsonb_typeof(purged) = 'object')
);
comment on table app.retention_runs is
  'What cron/retention deleted, run by run: how many rows of each kind, and no more of them.';
comment on column app.retention_runs.finished_at is 'Null while it runs, and for good if it was cut off.';
comment on column app.retention_runs.is_complete is 'Whether nothing was left to do.';
alter table app.retention_runs enable row level security;

create function public.begin_retention(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_run_id uuid;
begin
  insert into app.retention_runs default values returning id into v_run_id;
  insert into app.audit_events (actor, action, subject_id)
  values ('system', 'retention_run', v_run_id);
  return jsonb_build_object('run_id', v_run_id);
end;
$$;
comment on function public.begin_retention(jsonb) is 'Opens the record of a run of cron/retention.';
grant execute on function public.begin_retention(jsonb) to service_role;

create function public.finish_retention(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  update app.retention_runs
  set finished_at = app.clock(), is_complete = (request ->> 'is_complete')::boolean
  where id = (request ->> 'run_id')::uuid;
  return jsonb_build_object('outcome', case when found then 'finished' else 'unknown' end);
end;
$$;
comment on function public.finish_retention(jsonb) is
  'Closes the record of a run (run_id), and says whether nothing was left to do (is_complete).';
grant execute on function public.finish_retention(jsonb) to service_role;

create function app.note_purged(p_run_id uuid, p_kind text, p_count bigint)
returns void
language sql
set search_path = ''
as $$
  update app.retention_runs
  set purged = purged
    || jsonb_build_object(p_kind, coalesce((purged ->> p_kind)::bigint, 0) + p_count)
  where id = p_run_id and p_count > 0;
$$;
comment on function app.note_purged(uuid, text, bigint) is
  'Adds to the record of a run, in the transaction that deletes.';

-- --- Purging ----------------------------------------------------------------

-- Each kind has an order in which its oldest rows come first, by an index: of ids
-- of version 7 the time in them, or a column. auth.audit_log_entries has neither,
-- and is Auth's to index: it is read through, some pages at a time.
create function app.purge_kinds()
returns table (kind text, relation text, key text, key_type text, condition text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      'webhook_events_stripe', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'stripe'$c$
    ),
    (
      'webhook_events_message', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'message'$c$
    ),
    (
      'webhook_events_status', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'status'$c$
    ),
    ('status_events', 'app.status_events', 'id', 'uuid', 'received_at < $1'),
    ('jobs_done', 'app.jobs', 'id', 'uuid', $c$state = 'done' and finished_at < $1$c$),
    ('jobs_dead', 'app.jobs', 'id', 'uuid', $c$state = 'dead' and finished_at < $1$c$),
    ('exports', 'app.exports', 'expires_at', 'timestamptz', $c$state = 'expired'$c$),
    ('refusals', 'app.refusals', 'day', 'date', 'true'),
    (
      'consent', 'app.consent_ledgers', 'orphaned_at', 'timestamptz',
      'not exists (
         select
         from app.leads l
         where l.business_id = t.business_id and l.phone_hmac = t.phone_hmac
       )'
    ),
    ('audit_events', 'app.audit_events', 'id', 'uuid', 'at < $1'),
    ('retention_runs', 'app.retention_runs', 'id', 'uuid', 'started_at < $1'),
    ('auth_audit', 'auth.audit_log_entries', 'ctid', 'tid', 'created_at < $1');
$$;
comment on function app.purge_kinds() is
  'What can be purged, a closed list: the table, the key by which its oldest rows come first, and which of them go ($1 is the time they are older than).';

create function app.purge_bound(p_key_type text, p_before timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case p_key_type
    when 'uuid' then app.first_id_at(p_before)::text
    when 'timestamptz' then p_before::text
    when 'date' then (p_before at time zone 'UTC')::date::text
  end;
$$;
comment on function app.purge_bound(text, timestamptz) is
  'The key before which rows are older than a time.';

create function public.purge(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_before timestamptz := app.clock() - make_interval(secs => (request ->> 'seconds')::bigint);
  v_after text := request ->> 'after';
  v_limit integer := (request ->> 'limit')::integer;
  v_kind record;
  v_until text;
  v_page bigint;
  v_is_done boolean;
  v_count bigint;
  v_last text;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = request ->> 'kind';
  if not found then
    raise sqlstate 'PT400' using message = 'there is no such kind';
  end if;
  -- A table of Auth's may be another project's matter.
  if not coalesce(
    has_table_privilege(to_regclass(v_kind.relation), 'select')
      and has_table_privilege(to_regclass(v_kind.relation), 'update')
      and has_table_privilege(to_regclass(v_kind.relation), 'delete'),
    false
  ) then
    return jsonb_build_object('outcome', 'not_permitted');
  end if;

  if v_kind.key_type = 'tid' then
    -- Pages by their numbers, each with more than ten rows.
    v_page := split_part(ltrim(coalesce(v_after, '(0,0)'), '('), ',', 1)::bigint + v_limit / 10;
    v_until := format('(%s,0)', v_page);
    v_is_done :=
      v_page * current_setting('block_size')::bigint >= pg_relation_size(v_kind.relation);
    v_limit := null;
  else
    v_until := app.purge_bound(v_kind.key_type, v_before);
  end if;

  -- Who has locked a row needs it just now; it goes the next time.
  execute format(
    'with due as (
       select %1$s as key, t.ctid as place
       from %2$s t
       where ($2 is null or %1$s >= $2::%3$s) and %1$s < $3::%3$s and (%4$s)
       order by %1$s
       limit $4
       for update skip locked
     ),
     gone as (
       delete from %2$s where ctid = any (array(select place from due)) returning 1
     )
     select (select count(*) from gone), (select key::text from due order by key desc limit 1)',
    't.' || v_kind.key, v_kind.relation, v_kind.key_type, v_kind.condition
  )
  using v_before, v_after, v_until, v_limit
  into v_count, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, v_kind.kind, v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', case when v_kind.key_type = 'tid' then v_until else coalesce(v_last, v_after) end,
    'is_done', coalesce(v_is_done, v_count < v_limit)
  );
end;
$$;
comment on function public.purge(jsonb) is
  'Deletes the oldest rows of a kind that are older than so many seconds, a batch (limit) of them, after the key after. Outcome: purged (count, and after for the next batch unless is_done), or not_permitted.';
grant execute on function public.purge(jsonb) to service_role;

-- --- What nobody refers to --------------------------------------------------

create function public.purge_stray_objects(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count bigint;
  v_read bigint;
  v_last text;
begin
  with read as (
    select o.bucket_id, o.name, o.created_at,
      -- The last folder of a picture, and the name of a bundle.
      case
        when o.name ~ ('^' || u.form || '/' || u.form || case o.bucket_id
            when 'media' then '/[0-9]$'
            when 'exports' then '\.zip$'
          end)
          then left(split_part(o.name, '/', 2), 36)::uuid
      end as id
    from storage.objects o
    cross join (select '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' as form) u
    where o.bucket_id = request ->> 'bucket'
      and o.name > coalesce(request ->> 'after', '')
    order by o.name
    limit (request ->> 'limit')::integer
  ),
  stray as (
    select r.bucket_id, r.name
    from read r
    where r.id is not null
      -- One that has just come is not yet recorded.
      and r.created_at < app.clock() - make_interval(secs => (request ->> 'seconds')::bigint)
      and not exists (
        select
        from app.media m
        where r.bucket_id = 'media'
          and m.message_id = r.id and m.storage_path = r.name and m.state <> 'refused'
      )
      and not exists (
        select
        from app.exports e
        where r.bucket_id = 'exports'
          and e.id = r.id and e.storage_path = r.name and e.state <> 'expired'
      )
  ),
  noted as (
    insert into app.object_deletions (bucket, path)
    select s.bucket_id, s.name
    from stray s
    on conflict do nothing
    returning 1
  )
  select (select count(*) from noted), (select count(*) from read), (select max(name) from read)
  into v_count, v_read, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, 'stray_objects', v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', v_last,
    'is_done', v_read < (request ->> 'limit')::integer
  );
end;
$$;
comment on function public.purge_stray_objects(jsonb) is
  'Has objects of a bucket (media, exports) deleted that no row refers to and that are older than so many seconds: reads so many (limit) after the name after.';
grant execute on function public.purge_stray_objects(jsonb) to service_role;

-- --- Samples of what is gone ------------------------------------------------

create function public.refresh_statistics(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
declare
  v_table record;
begin
  select s.relid, s.schemaname, s.relname into v_table
  from pg_catalog.pg_stat_all_tables s
  join pg_catalog.pg_class c on c.oid = s.relid
  where s.schemaname in ('app', 'auth', 'storage')
    and s.n_mod_since_analyze > 0
    and s.relid > coalesce((request ->> 'after')::oid, '0')
    and c.relkind = 'r'
    and has_table_privilege(s.relid, 'maintain')
  order by s.relid
  limit 1;
  if not found then
    return jsonb_build_object('after', null);
  end if;
  execute format('analyze %I.%I', v_table.schemaname, v_table.relname);
  return jsonb_build_object('after', v_table.relid::bigint);
end;
$$;
comment on function public.refresh_statistics(jsonb) is
  'Has Postgres sample the next table (after) anew that has changed since it did last, so that its samples hold nothing that is gone. Null after the last.';
grant execute on function public.refresh_statistics(jsonb) to service_role;

-- --- Deadlines --------------------------------------------------------------

create function app.overdue()
returns table (kind text, id uuid, business_id uuid, since timestamptz)
language sql
stable
set search_path = ''
as $$
  select 'export', e.id, e.business_id, e.due_at
  from app.exports e
  where e.state in ('unconfirmed', 'open') and e.due_at <= app.clock()
  union all
  -- Whoever deletes comes every minute.
  select 'export_deletion', e.id, e.business_id, e.expires_at
  from app.exports e
  where e.state = 'ready' and e.expires_at <= app.clock() - interval '1 day'
  union all
  select 'object_deletion', null, null, min(o.created_at)
  from app.object_deletions o
  having min(o.created_at) <= app.clock() - interval '1 day';
$$;
comment on function app.overdue() is 'What should have been done by now, whoever was to do it.';

create function public.check_deadlines(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Once for each, not every day.
  insert into app.audit_events (business_id, actor, action, subject_id)
  select o.business_id, 'system', o.kind || '_overdue', o.id
  from app.overdue() o
  where not exists (
    select
    from app.audit_events a
    where a.action = o.kind || '_overdue'
      and a.at >= o.since
      and a.subject_id is not distinct from o.id
  );
  return jsonb_build_object(
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 100) o
    )
  );
end;
$$;
comment on function public.check_deadlines(jsonb) is
  'The 100 longest overdue obligations, each of which is in the audit trail from then on.';
grant execute on function public.check_deadlines(jsonb) to service_role;

create function app.has_due(p_kind text, p_before timestamptz)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kind record;
  v_has_due boolean;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = p_kind;
  if not found or v_kind.key_type = 'tid' then
    return false;
  end if;
  execute format(
    'select exists (select from %1$s t where t.%2$s < $2::%3$s and (%4$s))',
    v_kind.relation, v_kind.key, v_kind.key_type, v_kind.condition
  )
  using p_before, app.purge_bound(v_kind.key_type, p_before)
  into v_has_due;
  return v_has_due;
end;
$$;
comment on function app.has_due(text, timestamptz) is
  'Whether rows of a kind are older than a time. Not told of what would have to be read whole.';

create function public.retention_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'retention_last_run', (
      select jsonb_build_object(
        'started_at', r.started_at, 'finished_at', r.finished_at, 'is_complete', r.is_complete,
        'purged', r.purged
      )
      from app.retention_runs r
      order by r.id desc
      limit 1
    ),
    'retention_last_complete', (
      select r.finished_at from app.retention_runs r where r.is_complete order by r.id desc limit 1
    ),
    -- What the run of yesterday should have taken.
    'retention_behind', (
      select coalesce(jsonb_agg(l.kind order by l.kind), '[]')
      from jsonb_to_recordset(request -> 'limits') l (kind text, seconds bigint)
      where app.has_due(l.kind, app.clock() - make_interval(secs => l.seconds) - interval '2 days')
    ),
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 20) o
    )
  );
$$;
comment on function public.retention_status(jsonb) is
  'The last run of cron/retention, of which kinds (limits: kind, seconds) rows are two days past their time, and the 20 longest overdue obligations.';
grant execute on function public.retention_status(jsonb) to service_role;
