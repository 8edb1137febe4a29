-- Sealed backups of accounts: the rows of one moment, all columns of them, kept
-- until they are in the sealed object.

-- What is in it is unreadable without a key that Storage does not have.
insert into storage.buckets (id, name, public, allowed_mime_types)
values ('backups', 'backups', false, array['application/octet-stream'])
on conflict (id) do nothing;

-- As exports have them: unlogged, so in no backup of the database and on no replica.
create unlogged table app.backup_chunks (
  snapshot_id uuid not null,
  number integer not null,
  business_id uuid not null references app.businesses (id) on delete cascade,
  file text not null,
  rows integer not null,
  lines text not null,

  constraint backup_chunks_pkey primary key (snapshot_id, number)
);
comment on table app.backup_chunks is
  'The rows of an account as lines of JSON, all of one moment, for as long as a backup is made of them.';
alter table app.backup_chunks alter column lines set storage external;
create index backup_chunks_business_id_idx on app.backup_chunks (business_id);
alter table app.backup_chunks enable row level security;

-- A list, because the order counts: whoever restores finds what a row refers to
-- in place. A test compares it with the catalog, so no table is forgotten.
--
-- Suppressions are not in it: they stay where they are while an account is closed.
-- Audit events and the log of webhooks stay too. Of the owner all is taken but what
-- opens the account (password, factors, tokens): who comes back proves by e-mail
-- who they are, and a copy of a password's hash would only wait to be guessed.
create function app.backup_tables()
returns table (place integer, name text, source text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      1, 'owner',
      '(
        select u.id, u.email, u.phone, u.email_confirmed_at, u.phone_confirmed_at,
          u.raw_app_meta_data, u.raw_user_meta_data, u.created_at
        from app.businesses b
        join auth.users u on u.id = b.owner_id
        where b.id = $1
      ) t'
    ),
    (2, 'businesses', 'app.businesses t where t.id = $1'),
    (3, 'sender_numbers', 'app.sender_numbers t where t.business_id = $1 order by t.phone'),
    (4, 'stripe_customers', 'app.stripe_customers t where t.business_id = $1 order by t.id'),
    (5, 'subscriptions', 'app.subscriptions t where t.business_id = $1 order by t.id'),
    (6, 'leads', 'app.leads t where t.business_id = $1 order by t.id'),
    -- What is answered before the answers, whatever the clock did.
    (
      7, 'messages',
      'app.messages t where t.business_id = $1 order by t.in_reply_to is not null, t.id'
    ),
    (
      8, 'consent_events',
      'app.consent_events t where t.business_id = $1 order by t.phone_hmac, t.sequence'
    ),
    (
      9, 'consent_ledgers',
      'app.consent_ledgers t where t.business_id = $1 order by t.phone_hmac'
    ),
    (10, 'media', 'app.media t where t.business_id = $1 order by t.message_id, t.position'),
    (
      11, 'status_events',
      'app.messages m join app.status_events t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    ),
    (
      12, 'jobs',
      'app.messages m join app.jobs t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    );
$$;
comment on function app.backup_tables() is
  'What a backup of an account holds, in the order in which it is restored: each table, and which of its rows (t) are of account $1.';

-- Lines of a cursor, put together to about 256 KB. No line is one empty chunk.
create function app.chunks(p_lines refcursor)
returns table (rows integer, lines text)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_line text;
  v_lines text[] := '{}';
  v_bytes integer := 0;
  v_is_first boolean := true;
begin
  loop
    fetch p_lines into v_line;
    if v_line is null and (v_is_first or cardinality(v_lines) > 0) or v_bytes > 256 * 1024 then
      rows := cardinality(v_lines);
      lines := array_to_string(v_lines, e'\n');
      return next;
      v_lines := '{}';
      v_bytes := 0;
      v_is_first := false;
    end if;
    exit when v_line is null;
    v_lines := v_lines || v_line;
    v_bytes := v_bytes + octet_length(v_line);
  end loop;
end;
$$;
comment on function app.chunks(refcursor) is 'The lines of a cursor, as chunks of about 256 KB.';

-- Everything of an account, as lines of JSON in chunks of about 256 KB. The
-- columns are those of lib's export::schema, which the bundle is described with.
--
-- Stable, so that all its queries see what the statement sees that calls it.
create or replace function app.export_rows(p_business_id uuid)
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

    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
      rows_before := rows_before + rows;
    end loop;
    close v_cursor;
  end loop;
end;
$$;

-- Stable, so that all its queries see what the statement sees that calls it.
create function app.backup_rows(p_business_id uuid)
returns table (number integer, file text, rows integer, lines text)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_table record;
  v_cursor refcursor;
begin
  number := 0;
  for v_table in select * from app.backup_tables() order by place loop
    open v_cursor for execute 'select row_to_json(t)::text from ' || v_table.source
    using p_business_id;
    file := v_table.name;
    for rows, lines in select c.rows, c.lines from app.chunks(v_cursor) c loop
      number := number + 1;
      return next;
    end loop;
    close v_cursor;
  end loop;
end;
$$;
comment on function app.backup_rows(uuid) is
  'All rows of an account that a backup holds, table by table, in chunks of lines of JSON.';

-- The id is new each time: whoever is replaced while reading finds nothing, rather
-- than rows of two moments.
create function public.snapshot_backup(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_id uuid := gen_random_uuid();
  v_business_id uuid := (request ->> 'business_id')::uuid;
  v_snapshot jsonb;
begin
  perform from app.businesses where id = v_business_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such shop';
  end if;
  delete from app.backup_chunks where business_id = v_business_id;
  with chunks as (
    insert into app.backup_chunks (snapshot_id, number, business_id, file, rows, lines)
    select v_id, r.number, v_business_id, r.file, r.rows, r.lines
    from app.backup_rows(v_business_id) r
    returning file, rows
  ),
  files as (
    select file, count(*) as chunks, sum(rows) as rows from chunks group by file
  )
  select jsonb_build_object(
    'snapshot_id', v_id,
    'snapshot_at', app.ledger_time(app.clock()),
    'counts', jsonb_object_agg(f.file, f.rows),
    'chunk_count', sum(f.chunks)
  )
  into v_snapshot
  from files f;
  return v_snapshot;
end;
$$;
comment on function public.snapshot_backup(jsonb) is
  'Gathers all rows of business_id, of one moment, in place of an earlier snapshot. Returns snapshot_id, by which they are read.';
grant execute on function public.snapshot_backup(jsonb) to service_role;

create function public.backup_chunk(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object('file', c.file, 'rows', c.rows, 'lines', c.lines)
  from (values (null)) v
  left join app.backup_chunks c
    on c.snapshot_id = (request ->> 'snapshot_id')::uuid
    and c.number = (request ->> 'number')::integer;
$$;
comment on function public.backup_chunk(jsonb) is
  'The chunk number of a snapshot of an account; its file is null if the snapshot has been lost or replaced.';
grant execute on function public.backup_chunk(jsonb) to service_role;

create function public.end_backup(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
set statement_timeout = '60s'
as $$
  with gone as (
    delete from app.backup_chunks
    where snapshot_id = (request ->> 'snapshot_id')::uuid
    returning number
  )
  select jsonb_build_object('chunks', count(*)) from gone;
$$;
comment on function public.end_backup(jsonb) is 'Deletes the rows of a snapshot: the backup is stored, or given up.';
grant execute on function public.end_backup(jsonb) to service_role;
