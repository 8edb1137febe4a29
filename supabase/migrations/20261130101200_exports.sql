-- The baseline: everything of an account, to take along.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

create function app.bundled_name(p_medium app.media)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when p_medium.state = 'stored' then format(
      'media/%s-%s.%s', p_medium.message_id, p_medium.position,
      case p_medium.found_type
        when 'image/jpeg' then 'jpg'
        when 'image/png' then 'png'
        when 'image/gif' then 'gif'
        when 'image/webp' then 'webp'
        when 'image/heic' then 'heic'
        when 'video/mp4' then 'mp4'
        when 'video/3gpp' then '3gp'
        when 'application/pdf' then 'pdf'
        when 'text/vcard' then 'vcf'
        else 'bin'
      end
    )
  end;
$$;
comment on function app.bundled_name(app.media) is
  'What the file of a picture is called in a bundle; null if it is not stored.';

create function public.claim_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports;
begin
  update app.exports
  set run_at = app.clock() + app.export_lease(),
      attempts = attempts + 1,
      fencing_token = fencing_token + 1
  where id = (
    select id
    from app.exports
    where state = 'open' and run_at <= app.clock()
    order by due_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_export;
  return jsonb_build_object(
    'work', case when found then app.export_work(v_export) end,
    'close_to_due', (
      select count(*)
      from app.exports e
      where e.state in ('unconfirmed', 'open') and app.is_close_to_due(e)
    )
  );
end;
$$;
comment on function public.claim_export(jsonb) is
  'Claims the most urgent export that is due to be worked on, and tells how many are close to their due date.';
grant execute on function public.claim_export(jsonb) to service_role;

-- Why each is left out, lib says (data::tables); a test compares the two whole.
create function app.columns_left_out(p_table text, p_purpose text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(l.name)
  from (
    values
      ('businesses', 'owner_id', 'bundle'),
      ('businesses', 'version', 'bundle'),
      ('subscriptions', 'business_id', 'bundle'),
      ('subscriptions', 'version', 'bundle'),
      ('sender_numbers', 'business_id', 'bundle'),
      ('leads', 'business_id', 'both'),
      ('leads', 'name_key', 'both'),
      ('leads', 'version', 'both'),
      ('leads', 'phone_hmac', 'person'),
      ('messages', 'business_id', 'both'),
      ('messages', 'request_id', 'both'),
      ('messages', 'lead_id', 'person'),
      ('messages', 'twilio_sid', 'person'),
      ('messages', 'attempted_at', 'person'),
      ('consent_events', 'business_id', 'both'),
      ('consent_events', 'id', 'person'),
      ('consent_events', 'lead_id', 'person'),
      ('consent_events', 'phone_hmac', 'person'),
      ('consent_events', 'wording_salt', 'person'),
      ('consent_events', 'wording_digest', 'person'),
      ('consent_events', 'previous_hash', 'person'),
      ('consent_events', 'hash', 'person'),
      ('suppressions', 'phone_hmac', 'person'),
      ('audit_events', 'business_id', 'bundle'),
      ('media', 'business_id', 'both'),
      ('media', 'storage_path', 'person'),
      ('media', 'twilio_sid', 'person'),
      ('media', 'sha256', 'person'),
      ('media', 'settled_at', 'person'),
      ('media', 'removed_at', 'person')
  ) l (relation, name, purpose)
  where l.relation = p_table and l.purpose in (p_purpose, 'both');
$$;
comment on function app.columns_left_out(text, text) is
  'The columns of a table that its owner''s bundle (bundle) or a person''s file (person) does not hold.';

create function public.expire_exports(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with expired as (
    update app.exports
    set state = 'expired'
    where id in (select value::uuid from jsonb_array_elements_text(request -> 'export_ids'))
      and state = 'ready'
      and expires_at <= app.clock()
    returning id, business_id
  ),
  noted as (
    insert into app.audit_events (business_id, actor, action, subject_id)
    select business_id, 'system', 'export_deleted', id
    from expired
    returning id
  )
  select jsonb_build_object('expired', (select count(*) from noted));
$$;
comment on function public.expire_exports(jsonb) is
  'Records that bundles which are past their time (export_ids) are deleted.';
grant execute on function public.expire_exports(jsonb) to service_role;

create function public.expired_exports(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'exports', coalesce(
      jsonb_agg(jsonb_build_object('export_id', e.id, 'storage_path', e.storage_path)), '[]'
    )
  )
  from (
    select x.id, x.storage_path
    from (select request) r
    join app.exports x on x.state = 'ready' and x.expires_at <= app.clock()
    order by x.expires_at
    limit 50
  ) e;
$$;
comment on function public.expired_exports(jsonb) is 'Bundles that are past their time, 50 of them.';
grant execute on function public.expired_exports(jsonb) to service_role;

create function public.export_chunk(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports := app.hold_export(request);
  v_chunk app.export_chunks;
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  select * into v_chunk
  from app.export_chunks
  where export_id = v_export.id and number = (request ->> 'number')::integer;
  if not found then
    -- The database has crashed since: begin anew.
    update app.exports
    set snapshot = null, snapshot_at = null, counts = null, chunk_count = null, rows_total = null,
        rows_done = 0
    where id = v_export.id;
    return jsonb_build_object('outcome', 'lost');
  end if;
  update app.exports set rows_done = v_chunk.rows_before + v_chunk.rows where id = v_export.id;
  return jsonb_build_object(
    'outcome', 'chunk', 'file', v_chunk.file, 'rows', v_chunk.rows, 'lines', v_chunk.lines
  );
end;
$$;
comment on function public.export_chunk(jsonb) is
  'The chunk number of an export''s rows. Outcome: chunk, stale, or lost if the rows have to be gathered anew.';
grant execute on function public.export_chunk(jsonb) to service_role;

-- A bundle holds all columns of these tables but those of app.columns_left_out: a
-- column that is added later is in it, unless somebody decides otherwise. The files
-- are those of lib's data::tables, which the bundle is described with.
create function app.export_files()
returns table (place integer, file text, name text, source text, also text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      1, 'profile', 'businesses', 'where t.id = $1',
      '(select u.email from auth.users u where u.id = t.owner_id) as owner_email'
    ),
    (2, 'subscriptions', 'subscriptions', 'where t.business_id = $1 order by t.id', null),
    (3, 'numbers', 'sender_numbers', 'where t.business_id = $1 order by t.phone', null),
    (4, 'leads', 'leads', 'where t.business_id = $1 order by t.id', null),
    (5, 'messages', 'messages', 'where t.business_id = $1 order by t.id', null),
    (
      6, 'consent', 'consent_events',
      'where t.business_id = $1 order by t.phone_hmac, t.sequence', null
    ),
    (
      7, 'suppressions', 'suppressions',
      'join app.sender_numbers n on n.phone = t.sender_phone
       where n.business_id = $1 order by t.sender_phone, t.phone_hmac', null
    ),
    (8, 'audit', 'audit_events', 'where t.business_id = $1 order by t.id', null),
    (
      9, 'media', 'media', 'where t.business_id = $1 order by t.message_id, t.position',
      'app.bundled_name(t) as file'
    );
$$;
comment on function app.export_files() is
  'What a bundle holds: each file, the table it is of, which of its rows (t) are of account $1 in which order, and what is told besides its columns.';

create function app.export_lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '3 minutes';
$$;
comment on function app.export_lease() is
  'How long an export belongs to its holder after a step; longer than the longest step, the snapshot.';

-- Everything of an account, as lines of JSON in chunks of about 256 KB.
--
-- Stable, so that all its queries see what the statement sees that calls it.
create function app.export_rows(p_business_id uuid)
returns table (number integer, file text, rows integer, rows_before bigint, lines text)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_file record;
  v_cursor refcursor;
begin
  number := 0;
  rows_before := 0;
  for v_file in select * from app.export_files() order by place loop
    open v_cursor for execute format(
      'select row_to_json(r)::text from (select %s from app.%I t %s) r',
      concat_ws(', ', app.told_columns(v_file.name, 'bundle'), v_file.also),
      v_file.name, v_file.source
    )
    using p_business_id;
    file := v_file.file;
    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
      rows_before := rows_before + rows;
    end loop;
    close v_cursor;
  end loop;
end;
$$;
comment on function app.export_rows(uuid) is
  'All rows of an account that an export holds, file by file, in chunks of lines of JSON.';

create function public.export_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with owed as (
    select e.*, e.due_at <= app.clock() as is_overdue, app.is_close_to_due(e) as is_close
    from app.exports e
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

create function app.export_view(p_export app.exports)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'format', p_export.format,
    'state', p_export.state,
    'requested_at', p_export.requested_at,
    'due_on', p_export.due_on,
    'rows_done', p_export.rows_done,
    'rows_total', p_export.rows_total,
    'snapshot_at', p_export.snapshot_at,
    'byte_count', p_export.byte_count,
    'sha256', encode(p_export.sha256, 'hex'),
    'expires_at', p_export.expires_at,
    'storage_path', p_export.storage_path
  );
$$;
comment on function app.export_view(app.exports) is 'What an owner is told of an export.';

create function app.export_work(p_export app.exports)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'export_id', p_export.id,
    'business_id', p_export.business_id,
    'fencing_token', p_export.fencing_token,
    'format', p_export.format,
    'storage_path', p_export.storage_path
  );
$$;
comment on function app.export_work(app.exports) is 'What the holder of an export needs to know.';

-- Nothing is given up: what was asked for is owed. The operator sees it.
create function public.fail_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.exports
  set last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '15 minutes', interval '10 seconds' * power(2, least(attempts, 10)))
  where id = v_export.id;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_export(jsonb) is
  'Has an export tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_export(jsonb) to service_role;

create function public.finish_export(request jsonb)
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
      expires_at = app.clock() + interval '7 days',
      last_fault = null
  where id = v_export.id;
  delete from app.export_chunks where export_id = v_export.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_export.business_id, 'system', 'export_ready', v_export.id);
  return jsonb_build_object('outcome', 'ready');
end;
$$;
comment on function public.finish_export(jsonb) is
  'Records that the bundle is stored (byte_count, sha256 in hex). Outcome: ready or stale.';
grant execute on function public.finish_export(jsonb) to service_role;

-- The holder's row, its lease renewed; null for whoever has lost it.
create function app.hold_export(request jsonb)
returns app.exports
language sql
set search_path = ''
as $$
  update app.exports
  set run_at = app.clock() + app.export_lease()
  where id = (request ->> 'export_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$$;
comment on function app.hold_export(jsonb) is
  'Renews the lease of an export (export_id, fencing_token) and locks it; null if the lease is lost.';

-- 60 %, so that somebody can still do something about it.
create function app.is_close_to_due(p_export app.exports)
returns boolean
language sql
stable
set search_path = ''
as $$
  select app.clock()
    >= p_export.requested_at + (p_export.due_at - p_export.requested_at) * 0.6;
$$;
comment on function app.is_close_to_due(app.exports) is
  'Whether most of the time until an export is due is over.';

-- Makes the row of an export, due 5 business days after today where the shop is.
create function app.owe_export(p_business app.businesses, p_format text, p_requested_by text, p_state text)
returns void
language sql
set search_path = ''
as $$
  with due as (
    select app.business_days_after((app.clock() at time zone p_business.time_zone)::date, 5) as day
  ),
  owed as (
    insert into app.exports (business_id, format, requested_by, state, due_on, due_at)
    select p_business.id, p_format, p_requested_by, p_state, due.day,
      -- The end of that day.
      (due.day + 1)::timestamp at time zone p_business.time_zone
    from due
    on conflict (business_id, format) where state in ('unconfirmed', 'open') do nothing
    returning id
  )
  insert into app.audit_events (business_id, actor, action, subject_id)
  select p_business.id, p_requested_by, 'export_requested', id
  from owed;
$$;
comment on function app.owe_export(app.businesses, text, text, text) is
  'Records that an export was asked for, unless one in that format is under way.';

create function public.record_export_request(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business app.businesses;
  v_export app.exports;
begin
  select * into v_business from app.businesses where id = (request ->> 'business_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'there is no such shop');
  end if;
  perform app.owe_export(v_business, request ->> 'format', 'operator', 'unconfirmed');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open');
  return app.export_view(v_export);
end;
$$;
comment on function public.record_export_request(jsonb) is
  'Records that an export of business_id in a format was asked for by other means, say e-mail. It is due from then on, and begins when the owner, signed in, asks for the same.';
grant execute on function public.record_export_request(jsonb) to service_role;

create function public.request_export(request jsonb)
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
  v_is_new boolean;
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
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_business.id, 'owner', 'export_confirmed', v_export.id);
  end if;

  -- Whoever asks first begins with it; if that process dies, the scheduler does.
  v_is_new := v_export.attempts = 0;
  if v_is_new then
    update app.exports
    set state = 'open', run_at = app.clock() + app.export_lease(), attempts = 1,
        fencing_token = fencing_token + 1
    where id = v_export.id
    returning * into v_export;
  end if;
  return jsonb_build_object(
    'export', app.export_view(v_export),
    'work', case when v_is_new then app.export_work(v_export) end
  );
end;
$$;
comment on function public.request_export(jsonb) is
  'Has the account of an owner''s session exported in a format (business_id says of which shop, where there are several). Returns the export and, if it was not begun, its work, claimed for the caller.';
grant execute on function public.request_export(jsonb) to service_role;

create function public.show_export(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_export app.exports;
begin
  select e.* into v_export
  from app.exports e
  join app.businesses b on b.id = e.business_id
  where e.id = (request ->> 'export_id')::uuid and b.owner_id = v_owner_id;
  if not found then
    perform app.refuse('not_found', 'the owner has no such export');
  end if;
  return app.export_view(v_export);
end;
$$;
comment on function public.show_export(jsonb) is 'How far an export of the session''s owner is.';
grant execute on function public.show_export(jsonb) to service_role;

-- Gathers the rows, once. One statement reads everything, so all of it is of one
-- moment; PostgREST would begin another for every page.
create function public.snapshot_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_export app.exports := app.hold_export(request);
begin
  if v_export.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if v_export.snapshot is null then
    delete from app.export_chunks where export_id = v_export.id;
    with chunks as (
      insert into app.export_chunks (export_id, number, file, rows, rows_before, lines)
      select v_export.id, r.number, r.file, r.rows, r.rows_before, r.lines
      from app.export_rows(v_export.business_id) r
      returning file, rows
    ),
    files as (
      select file, count(*) as chunks, sum(rows) as rows from chunks group by file
    )
    update app.exports
    set snapshot = pg_current_snapshot()::text,
        snapshot_at = app.clock(),
        counts = (select jsonb_object_agg(f.file, f.rows) from files f),
        chunk_count = (select sum(f.chunks) from files f),
        rows_total = (select sum(f.rows) from files f)
    where id = v_export.id
    returning * into v_export;
  end if;
  return jsonb_build_object(
    'outcome', 'taken',
    'snapshot_at', app.ledger_time(v_export.snapshot_at),
    'counts', v_export.counts,
    'chunk_count', v_export.chunk_count
  );
end;
$$;
comment on function public.snapshot_export(jsonb) is
  'Gathers the rows of an export, all of one moment, if they are not. Outcome: taken, or stale for who has lost the lease.';
grant execute on function public.snapshot_export(jsonb) to service_role;

create function app.told_columns(p_table text, p_purpose text)
returns text
language sql
stable
set search_path = ''
as $$
  select string_agg(
    case
      when a.atttypid = 'bytea'::regtype
        then format('encode(t.%1$I, ''hex'') as %1$I', a.attname)
      else format('t.%I', a.attname)
    end,
    ', ' order by a.attnum
  )
  from pg_catalog.pg_attribute a
  where a.attrelid = format('app.%I', p_table)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attname <> all (coalesce(app.columns_left_out(p_table, p_purpose), '{}'));
$$;
comment on function app.told_columns(text, text) is
  'The columns of a table, as t, that a bundle or a person''s file holds, for a select: bytes in hexadecimal digits.';

reset check_function_bodies;
