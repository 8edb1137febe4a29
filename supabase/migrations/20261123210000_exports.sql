-- Exports of an account: what was asked for, by when it is due, and the rows of
-- one moment, kept until the bundle that holds them is stored.

insert into storage.buckets (id, name, public, allowed_mime_types)
values ('exports', 'exports', false, array['application/zip'])
on conflict (id) do nothing;

create table app.exports (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  format text not null,
  state text not null default 'open',
  requested_by text not null,
  requested_at timestamptz not null default app.clock(),
  due_on date not null,
  due_at timestamptz not null,
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,
  fencing_token bigint not null default 0,
  last_fault text,
  snapshot text,
  snapshot_at timestamptz,
  counts jsonb,
  chunk_count integer,
  rows_total bigint,
  rows_done bigint not null default 0,
  byte_count bigint,
  sha256 bytea,
  finished_at timestamptz,
  expires_at timestamptz,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || id::text || '.zip'
  ) stored,

  constraint format_is_known check (format in ('json', 'csv')),
  constraint state_is_known check (state in ('unconfirmed', 'open', 'ready', 'expired')),
  constraint requested_by_is_known check (requested_by in ('owner', 'operator')),
  constraint fault_is_short check (char_length(last_fault) <= 100),
  constraint snapshot_is_whole
    check (num_nonnulls(snapshot, snapshot_at, counts, chunk_count, rows_total) in (0, 5)),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint finished_is_described check (
    num_nonnulls(byte_count, sha256, finished_at, expires_at)
      = case when state in ('ready', 'expired') then 4 else 0 end
  )
);
comment on table app.exports is
  'Exports asked for. An open one is an obligation: whoever finds it due may claim it, until it is ready.';
comment on column app.exports.state is
  'unconfirmed: asked for by other means, and nothing happens until the owner asks too.';
comment on column app.exports.run_at is
  'From when it may be claimed. Claiming, and each step, moves it to the end of the lease.';
comment on column app.exports.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.exports.snapshot is 'The moment the rows are of, as pg_current_snapshot has it.';
comment on column app.exports.counts is 'How many rows each file has.';
comment on column app.exports.storage_path is 'Where the bundle is in the bucket exports, if it is.';
-- The same request while one is under way is that one.
create unique index exports_under_way_key on app.exports (business_id, format)
where state in ('unconfirmed', 'open');
create index exports_business_id_idx on app.exports (business_id);
create index exports_due_idx on app.exports (run_at) where state = 'open';
create index exports_expiry_idx on app.exports (expires_at) where state = 'ready';
alter table app.exports enable row level security;

-- Unlogged, so that these copies are in no backup and no replica, and cost half
-- as much. After a crash of the database they are gone; then the rows are
-- gathered anew, as of then.
create unlogged table app.export_chunks (
  export_id uuid not null references app.exports (id) on delete cascade,
  number integer not null,
  file text not null,
  rows integer not null,
  rows_before bigint not null,
  lines text not null,

  constraint export_chunks_pkey primary key (export_id, number)
);
comment on table app.export_chunks is
  'The rows of an export as lines of JSON, a few hundred in each chunk: all of one moment.';
-- Compressing would take a third of the time of a snapshot, for a few minutes.
alter table app.export_chunks alter column lines set storage external;
alter table app.export_chunks enable row level security;

-- Only the holidays that every province and the federal law have, and only on
-- the day itself: whoever counts with more holidays comes to a later date.
create function app.is_business_day(p_day date)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- Easter, by Meeus, Jones and Butcher.
  v_year integer := extract(year from p_day);
  a integer := v_year % 19;
  b integer := v_year / 100;
  c integer := v_year % 100;
  h integer := (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
  l integer := (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
  m integer := (a + 11 * h + 22 * l) / 451;
  v_easter date := make_date(v_year, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
begin
  return extract(isodow from p_day) < 6
    -- New Year, Canada Day, Christmas.
    and to_char(p_day, 'MM-DD') not in ('01-01', '07-01', '12-25')
    -- Good Friday.
    and p_day <> v_easter - 2
    -- Labour Day, the first Monday of September.
    and not (to_char(p_day, 'MM') = '09' and extract(isodow from p_day) = 1 and extract(day from p_day) <= 7);
end;
$$;
comment on function app.is_business_day(date) is
  'Whether offices are open that day everywhere in Canada: no date counted by it is too late for anybody.';

create function app.business_days_after(p_day date, p_count integer)
returns date
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_day date := p_day;
  v_left integer := p_count;
begin
  while v_left > 0 loop
    v_day := v_day + 1;
    if app.is_business_day(v_day) then
      v_left := v_left - 1;
    end if;
  end loop;
  return v_day;
end;
$$;
comment on function app.business_days_after(date, integer) is
  'The business day that many after a day, which itself does not count.';

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

-- Everything of an account, as lines of JSON in chunks of about 256 KB. The
-- columns are those of lib's export::schema, which the bundle is described with.
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
  v_files constant text[] := array[
    'profile', 'subscriptions', 'numbers', 'leads', 'messages', 'consent', 'suppressions', 'audit',
    'media'
  ];
  v_cursor refcursor;
  v_line text;
  v_lines text[];
  v_bytes integer;
begin
  number := 0;
  rows_before := 0;
  foreach file in array v_files loop
    case file
      when 'profile' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select b.id, b.name, u.email as owner_email, b.mailing_address, b.contact_email,
            b.contact_phone, b.website, b.time_zone, b.language, b.about, b.instructions, b.state,
            b.created_at, b.updated_at
          from app.businesses b
          left join auth.users u on u.id = b.owner_id
          where b.id = p_business_id
        ) t;
      when 'subscriptions' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, customer_id, status, price_id, current_period_start, current_period_end,
            trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused,
            unpaid_since, created_at, fetched_at
          from app.subscriptions
          where business_id = p_business_id
          order by id
        ) t;
      when 'numbers' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select phone, texts_per_minute, created_at
          from app.sender_numbers
          where business_id = p_business_id
          order by phone
        ) t;
      when 'leads' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, phone, encode(phone_hmac, 'hex') as phone_hmac, name, email, notes, language,
            needs_owner_since, needs_owner_reason, created_at, last_inbound_at
          from app.leads
          where business_id = p_business_id
          order by id
        ) t;
      when 'messages' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, created_at, lead_id, sender_phone, direction, author, body, media_count,
            masked_count, in_reply_to, legal_basis, status, error_code, twilio_sid, attempted_at
          from app.messages
          where business_id = p_business_id
          order by id
        ) t;
      when 'consent' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, encode(phone_hmac, 'hex') as phone_hmac, sequence, lead_id, message_id, change,
            basis, source, rule, wording, encode(wording_salt, 'hex') as wording_salt,
            encode(wording_digest, 'hex') as wording_digest, at, expires_at,
            encode(previous_hash, 'hex') as previous_hash, encode(hash, 'hex') as hash
          from app.consent_events
          where business_id = p_business_id
          order by consent_events.phone_hmac, sequence
        ) t;
      when 'suppressions' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select s.sender_phone, encode(s.phone_hmac, 'hex') as phone_hmac, s.reason, s.since
          from app.sender_numbers n
          join app.suppressions s on s.sender_phone = n.phone
          where n.business_id = p_business_id
          order by s.sender_phone, s.phone_hmac
        ) t;
      when 'audit' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select id, at, actor, action, subject_id
          from app.audit_events
          where business_id = p_business_id
          order by id
        ) t;
      when 'media' then
        open v_cursor for
        select row_to_json(t)::text
        from (
          select message_id, position, state, refusal, told_type, found_type, byte_count,
            encode(sha256, 'hex') as sha256,
            case
              when state = 'stored' then format(
                'media/%s-%s.%s', message_id, position,
                case found_type
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
            end as file,
            storage_path, twilio_sid, created_at, settled_at, removed_at
          from app.media
          where business_id = p_business_id
          order by message_id, position
        ) t;
    end case;

    -- A file without rows is one empty chunk: it is in the bundle too.
    v_lines := '{}';
    v_bytes := 0;
    rows := 0;
    loop
      fetch v_cursor into v_line;
      if rows > 0 and (v_line is null or v_bytes > 256 * 1024) or v_line is null and lines is null then
        number := number + 1;
        lines := array_to_string(v_lines, e'\n');
        return next;
        rows_before := rows_before + rows;
        v_lines := '{}';
        v_bytes := 0;
        rows := 0;
      end if;
      exit when v_line is null;
      v_lines := v_lines || v_line;
      v_bytes := v_bytes + octet_length(v_line);
      rows := rows + 1;
    end loop;
    lines := null;
    close v_cursor;
  end loop;
end;
$$;
comment on function app.export_rows(uuid) is
  'All rows of an account that an export holds, file by file, in chunks of lines of JSON.';

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
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  elsif cardinality(v_businesses) > 1 then
    raise sqlstate 'PT400' using message = 'the owner has several shops';
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
    raise sqlstate 'PT404' using message = 'the owner has no such export';
  end if;
  return app.export_view(v_export);
end;
$$;
comment on function public.show_export(jsonb) is 'How far an export of the session''s owner is.';
grant execute on function public.show_export(jsonb) to service_role;

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
    raise sqlstate 'PT404' using message = 'there is no such shop';
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
