-- The baseline: what is deleted when its time is over, and the search for what is left.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

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

create function public.begin_scan(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_scan_id uuid := app.uuid_v7();
begin
  insert into app.audit_events (actor, action, subject_id)
  values ('operator', 'scan', v_scan_id);
  return jsonb_build_object(
    'tables', (
      select jsonb_agg(
        jsonb_build_object(
          'schema', s.schema,
          'name', s.name,
          'pages', case
            when s.is_paged then
              pg_relation_size(s.relation) / current_setting('block_size')::bigint
          end,
          'is_readable',
            has_schema_privilege(s.schema, 'usage') and has_table_privilege(s.relation, 'select')
        )
        order by s.schema, s.name
      )
      from app.scanned() s
    ),
    'buckets', (select coalesce(jsonb_agg(b.id order by b.id), '[]') from storage.buckets b)
  );
end;
$$;
comment on function public.begin_scan(jsonb) is
  'What there is to search: tables, how many pages each has (null if it is read whole), whether it can be read; and buckets.';
grant execute on function public.begin_scan(jsonb) to service_role;

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

create function app.like_patterns(p_texts jsonb, p_is_binary boolean)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(
    '%' || regexp_replace(
      case when p_is_binary then encode(convert_to(t.text, 'UTF8'), 'escape') else t.text end,
      '([\\%_])', '\\\1', 'g'
    ) || '%'
  )
  from jsonb_array_elements_text(p_texts) t (text);
$$;
comment on function app.like_patterns(jsonb, boolean) is
  'For like: each text anywhere in another; or in bytes, as encode(…, ''escape'') writes them.';

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
  having min(o.created_at) <= app.clock() - interval '1 day'
  union all
  select 'closure', c.id, c.business_id,
    case when c.step in ('key', 'object', 'certificate') then c.purge_at else c.requested_at end
  from app.closures c
  where app.is_overdue(c)
  union all
  select 'twilio_redaction', null, null, min(r.run_at)
  from app.twilio_redactions r
  having min(r.run_at) <= app.clock() - interval '1 day';
$$;
comment on function app.overdue() is 'What should have been done by now, whoever was to do it.';

-- Invariant: A purge never holds what a text needs. It deletes 1,000 rows at a time by
-- an index, each batch in its own transaction, and skips rows that are locked.
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
    perform app.refuse('malformed', 'there is no such kind');
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
    ('erased_leads', 'app.erased_leads', 'at', 'timestamptz', 'true'),
    ('audit_events', 'app.audit_events', 'id', 'uuid', 'at < $1'),
    ('retention_runs', 'app.retention_runs', 'id', 'uuid', 'started_at < $1'),
    ('auth_audit', 'auth.audit_log_entries', 'ctid', 'tid', 'created_at < $1');
$$;
comment on function app.purge_kinds() is
  'What can be purged, a closed list: the table, the key by which its oldest rows come first, and which of them go ($1 is the time they are older than).';

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

-- $1 are separators, $2 and $3 words and numbers, $4 and $5 the same for bytes.
create function app.scan_counts(p_relation oid)
returns text
language sql
stable
set search_path = ''
as $$
  with columns as (
    select a.attnum, a.attname::text as name, a.atttypid = 'bytea'::regtype as is_binary
    from pg_catalog.pg_attribute a
    where a.attrelid = p_relation and a.attnum > 0 and not a.attisdropped
  ),
  counts as (
    select row_number() over (order by c.attnum) as number, format(
      '%1$L, count(*) filter (where lower(%2$s collate pg_catalog.pg_c_utf8) like any (%3$s)
         or pg_catalog.translate(%2$s, $1, '''') like any (%4$s))',
      c.name,
      case when c.is_binary then format('encode(t.%I, ''escape'')', c.name) else format('t.%I::text', c.name) end,
      case when c.is_binary then '$4' else '$2' end,
      case when c.is_binary then '$5' else '$3' end
    ) as count
    from columns c
  ),
  -- So many columns at a time as a function takes arguments.
  parts as (
    select string_agg(c.count, ', ' order by c.number) as part
    from counts c
    group by (c.number - 1) / 40
  )
  select string_agg(format('jsonb_build_object(%s)', p.part), ' || ') from parts p;
$$;
comment on function app.scan_counts(oid) is
  'An expression that counts, by column of a table (as t), the rows that have what is sought; null if it has no columns.';

create function public.scan_objects(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object('paths', coalesce(jsonb_agg(o.name order by o.name), '[]'))
  from (
    select name
    from storage.objects
    where bucket_id = request ->> 'bucket' and name > coalesce(request ->> 'after', '')
    order by name
    limit 500
  ) o;
$$;
comment on function public.scan_objects(jsonb) is 'The paths of 500 objects of a bucket, after the path after.';
grant execute on function public.scan_objects(jsonb) to service_role;

create function public.scan_table(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_scanned record;
  v_counts text;
  v_result jsonb;
begin
  select * into v_scanned
  from app.scanned() s
  where s.schema = request ->> 'schema' and s.name = request ->> 'name';
  if not found then
    -- Dropped meanwhile.
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;
  v_counts := app.scan_counts(v_scanned.relation);
  if v_counts is null then
    return jsonb_build_object('hits', '{}'::jsonb);
  end if;

  execute format(
    'select %s from %I.%I t %s',
    v_counts,
    v_scanned.schema, v_scanned.name,
    case when v_scanned.is_paged then
      format(
        'where t.ctid >= ''(%s,0)'' and t.ctid < ''(%s,0)''',
        (request ->> 'first')::bigint, (request ->> 'first')::bigint + (request ->> 'count')::bigint
      )
    end
  )
  using request ->> 'separators',
    app.like_patterns(request -> 'words', false), app.like_patterns(request -> 'numbers', false),
    app.like_patterns(request -> 'words', true), app.like_patterns(request -> 'numbers', true)
  into v_result;
  return jsonb_build_object(
    'hits', (
      select coalesce(jsonb_object_agg(h.key, h.value), '{}')
      from jsonb_each(v_result) h
      where h.value <> '0'
    )
  );
end;
$$;
comment on function public.scan_table(jsonb) is
  'How many rows of a table (schema, name; of its pages count from first) have one of the words or numbers in a column, by column. Words are in lower case; numbers are looked for without separators.';
grant execute on function public.scan_table(jsonb) to service_role;

create function app.scanned()
returns table (relation oid, schema text, name text, is_paged boolean)
language sql
stable
set search_path = ''
as $$
  select c.oid, n.nspname::text, c.relname::text, c.relkind <> 'v'
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where (
      c.relkind in ('r', 'm')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      -- Somebody else's session's.
      and c.relpersistence <> 't'
    )
    -- The planner's samples, and statements with what stood in them.
    or (c.relkind = 'v' and c.relname in ('pg_stats', 'pg_stats_ext', 'pg_stat_statements'));
$$;
comment on function app.scanned() is
  'Everything in which a person could be left: tables, and views of what Postgres has seen of them.';

reset check_function_bodies;
