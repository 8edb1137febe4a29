-- The baseline: sealed backups and restores.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

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

create function public.begin_restore(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_restore(request);
begin
  return jsonb_build_object(
    'business_id', v_closure.business_id,
    'storage_path', v_closure.storage_path,
    'key_id', v_closure.key_id,
    'wrapped_key', translate(encode(v_closure.wrapped_key, 'base64'), e'\n', ''),
    'byte_count', v_closure.byte_count,
    'sha256', encode(v_closure.sha256, 'hex'),
    'counts', v_closure.counts
  );
end;
$$;
comment on function public.begin_restore(jsonb) is
  'What it takes to open the backup of a closed account (closure_id). not_found: there is none; already_restored: it is restored; backup_gone: its backup is past its time; still_closing: it is still being closed.';
grant execute on function public.begin_restore(jsonb) to service_role;

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

create function public.closure_keys(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'keys', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'closure_id', k.id,
          'storage_path', k.storage_path,
          'key_id', k.key_id,
          'wrapped_key', translate(encode(k.wrapped_key, 'base64'), e'\n', '')
        )
        order by k.id
      ),
      '[]'
    )
  )
  from (
    select c.id, c.storage_path, c.key_id, c.wrapped_key
    from app.closures c
    where c.wrapped_key is not null
      and c.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by c.id
    limit 200
  ) k;
$$;
comment on function public.closure_keys(jsonb) is
  'The wrapped keys of sealed backups, 200 after the closure after.';
grant execute on function public.closure_keys(jsonb) to service_role;

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

create function public.erase_from_backup(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found or v_closure.wrapped_key is null then
    perform app.refuse('not_found', 'there is no such closure, or it has no backup any more');
  end if;
  insert into app.erased_leads (closure_id, phone_hmac)
  values (v_closure.id, decode(request ->> 'phone_hmac', 'hex'))
  on conflict do nothing;
  if found then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'operator', 'lead_erased_from_backup', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'erased', 'purge_at', v_closure.purge_at);
end;
$$;
comment on function public.erase_from_backup(jsonb) is
  'Has a person (phone_hmac) stay erased when a closed account (closure_id) is restored. Nobody is told whether the backup has them: it is sealed.';
grant execute on function public.erase_from_backup(jsonb) to service_role;

create function public.finish_restore(request jsonb)
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
      purge_at = app.clock(),
      run_at = app.clock()
  where id = v_closure.id;
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
create function app.hold_restore(request jsonb)
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
    update app.closures
    set run_at = greatest(run_at, app.clock() + app.closure_lease())
    where id = v_closure.id;
  end if;
  return v_closure;
end;
$$;
comment on function app.hold_restore(jsonb) is
  'The closure closure_id, locked, whose account can be restored; refuses the call otherwise.';

create function app.numbers_lost(p_business_id uuid, p_rows jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(r.value -> 'phone'), '[]')
  from jsonb_array_elements(p_rows) r
  left join app.sender_numbers n
    on n.phone = r.value ->> 'phone' and n.business_id = p_business_id
  where n.phone is null;
$$;
comment on function app.numbers_lost(uuid, jsonb) is
  'Which numbers, of rows that were put back, another shop has by now.';

create function app.pictures_to_restore(p_rows jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object('path', r.value ->> 'storage_path', 'content_type', r.value ->> 'found_type')
    ),
    '[]'
  )
  from jsonb_array_elements(p_rows) r
  where r.value ->> 'state' = 'stored';
$$;
comment on function app.pictures_to_restore(jsonb) is 'The objects that rows of media refer to.';

create function app.put_rows_back(p_table text, p_rows jsonb)
returns bigint
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_columns text;
  v_key text;
  v_present bigint;
begin
  if p_rows = '[]' then
    return 0;
  end if;
  -- The columns that the rows have and the table still has. What was added since has
  -- its default.
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  into v_columns
  from pg_catalog.pg_attribute a
  where a.attrelid = format('app.%I', p_table)::regclass
    and a.attnum > 0
    and not a.attisdropped
    and a.attgenerated = ''
    and p_rows -> 0 ? a.attname;
  execute format(
    'insert into app.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::app.%1$I, $1) %3$s',
    p_table, v_columns,
    case p_table
      -- Only a number that nobody has.
      when 'sender_numbers' then
        'on conflict (phone) do update set (business_id, texts_per_minute, created_at)
          = row (excluded.business_id, excluded.texts_per_minute, excluded.created_at)
          where sender_numbers.business_id is null'
      else 'on conflict do nothing'
    end
  )
  using p_rows;

  select string_agg(format('t.%1$I = r.%1$I', a.attname), ' and ')
  into v_key
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
  where k.conrelid = format('app.%I', p_table)::regclass and k.contype = 'p';
  execute format(
    'select count(*) from jsonb_populate_recordset(null::app.%1$I, $1) r join app.%1$I t on %2$s%3$s',
    p_table, v_key,
    case when p_table = 'sender_numbers' then ' and t.business_id = r.business_id' end
  )
  into v_present
  using p_rows;
  return v_present;
end;
$$;
comment on function app.put_rows_back(text, jsonb) is
  'Puts rows back that are not there, and returns how many of them are there now.';

-- The owner signs in anew, by a code sent to the address: no password is restored.
-- The texts are empty and not null, as Supabase Auth has them.
create function app.restore_owner(p_row jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_user_id uuid := (p_row ->> 'id')::uuid;
begin
  if exists (select from auth.users where id = v_user_id) then
    return;
  elsif exists (
    select from auth.users where email = p_row ->> 'email' or phone = p_row ->> 'phone'
  ) then
    perform app.refuse('contact_taken', 'another user has the owner''s e-mail address or phone');
  end if;
  insert into auth.users (
    id, aud, role, email, encrypted_password, email_confirmed_at, phone, phone_confirmed_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token,
    recovery_token, email_change, email_change_token_new, email_change_token_current,
    phone_change, phone_change_token, reauthentication_token
  )
  values (
    v_user_id, 'authenticated', 'authenticated', p_row ->> 'email', '',
    (p_row ->> 'email_confirmed_at')::timestamptz, p_row ->> 'phone',
    (p_row ->> 'phone_confirmed_at')::timestamptz, p_row -> 'raw_app_meta_data',
    p_row -> 'raw_user_meta_data', (p_row ->> 'created_at')::timestamptz, app.clock(),
    '', '', '', '', '', '', '', ''
  );
  insert into auth.identities (
    id, provider_id, user_id, provider, identity_data, last_sign_in_at, created_at, updated_at
  )
  select gen_random_uuid(), v_user_id::text, v_user_id, 'email',
    jsonb_build_object('sub', v_user_id, 'email', p_row ->> 'email', 'email_verified', true),
    null, app.clock(), app.clock()
  where p_row ->> 'email' is not null;
end;
$$;
comment on function app.restore_owner(jsonb) is
  'Gives a restored account its owner back, without a password, unless the user is still there.';

create function public.restore_rows(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_closure app.closures := app.hold_restore(request);
  v_table text := request ->> 'table';
  v_rows jsonb := ('[' || replace(request ->> 'lines', e'\n', ',') || ']')::jsonb;
  v_kept jsonb;
  v_present bigint;
begin
  if not exists (select from app.backup_tables() where name = v_table) then
    perform app.refuse('malformed', 'no backup has this table');
  elsif v_table = 'businesses' then
    -- In one transaction with the shop, by which whatever is given up is found.
    perform app.restore_owner((request ->> 'owner')::jsonb);
  end if;

  select coalesce(jsonb_agg(k.restored order by k.place), '[]')
  into v_kept
  from (
    select app.row_to_restore(v_closure, v_table, r.value) as restored, r.ordinality as place
    from jsonb_array_elements(v_rows) with ordinality r
  ) k
  where k.restored is not null;

  v_present := app.put_rows_back(v_table, v_kept);
  return jsonb_build_object(
    'present', v_present,
    'left_out', jsonb_array_length(v_rows) - jsonb_array_length(v_kept),
    'numbers_lost', case v_table
      when 'sender_numbers' then app.numbers_lost(v_closure.business_id, v_kept) else '[]'
    end,
    'pictures', case v_table when 'media' then app.pictures_to_restore(v_kept) else '[]' end
  );
end;
$$;
comment on function public.restore_rows(jsonb) is
  'Puts rows of a backup back (closure_id, table, lines of JSON; with the shop its owner), those that are not there. Returns how many of them are there now (present), how many must not be (left_out), which numbers another shop has by now (numbers_lost), and which pictures belong to the rows. contact_taken: another user has the owner''s e-mail address.';
grant execute on function public.restore_rows(jsonb) to service_role;

create function public.rewrap_closure_key(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with rewrapped as (
    update app.closures
    set key_id = request ->> 'key_id', wrapped_key = decode(request ->> 'wrapped_key', 'base64')
    where id = (request ->> 'closure_id')::uuid
      -- What was destroyed meanwhile stays so.
      and wrapped_key = decode(request ->> 'old_wrapped_key', 'base64')
    returning id
  )
  select jsonb_build_object('rewrapped', count(*)) from rewrapped;
$$;
comment on function public.rewrap_closure_key(jsonb) is
  'Stores the key of a sealed backup (closure_id) wrapped anew (key_id, wrapped_key), if it is still the one that was read (old_wrapped_key).';
grant execute on function public.rewrap_closure_key(jsonb) to service_role;

-- A row is put back as it was, but for what must not be: who was erased meanwhile,
-- texts that were owed, what is paid.
create function app.row_to_restore(p_closure app.closures, p_table text, p_row jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  case p_table
    when 'businesses' then
      return p_row || '{"state": "closed"}';
    when 'subscriptions' then
      -- Stripe has cancelled it, whether that was stored then or not.
      if p_row ->> 'status' not in ('canceled', 'incomplete_expired') then
        return p_row || jsonb_build_object(
          'status', 'canceled',
          'canceled_at', coalesce(p_row ->> 'canceled_at', p_closure.requested_at::text)
        );
      end if;
    when 'leads' then
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return null;
      end if;
    when 'messages' then
      if not exists (select from app.leads where id = (p_row ->> 'lead_id')::uuid) then
        return null;
      end if;
    when 'consent_events' then
      -- As app.erase_lead does: the evidence stays, in nobody's words.
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return p_row || '{"wording": null, "wording_salt": null}';
      end if;
    when 'media', 'status_events', 'jobs' then
      if not exists (select from app.messages where id = (p_row ->> 'message_id')::uuid) then
        return null;
      elsif p_table = 'jobs' and p_row ->> 'state' = 'open' and p_row ->> 'kind' in ('reply', 'send')
      then
        return p_row || jsonb_build_object(
          'state', 'done', 'outcome', 'business_not_active', 'finished_at', app.clock()
        );
      end if;
    else null;
  end case;
  return p_row;
end;
$$;
comment on function app.row_to_restore(app.closures, text, jsonb) is
  'A row of a backup as it is put back; null if it is not.';

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
    perform app.refuse('not_found', 'there is no such shop');
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

-- An opt-out that came meanwhile is in app.suppressions, and holds by itself. The
-- ledger is to say the same.
create function app.withdraw_suppressed(p_business_id uuid, p_numbers_lost jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_lead record;
  v_event app.consent_events;
  v_count integer := 0;
begin
  for v_lead in
    select l.id, l.phone_hmac, min(s.since) as since
    from app.leads l
    join app.consent_ledgers c on c.business_id = l.business_id and c.phone_hmac = l.phone_hmac
    join app.suppressions s on s.phone_hmac = l.phone_hmac and s.reason = 'opted_out'
    where l.business_id = p_business_id
      and num_nonnulls(c.express_since, c.inquiry_until, c.purchase_until) > 0
      and (
        s.sender_phone in (select phone from app.sender_numbers where business_id = p_business_id)
        or p_numbers_lost ? s.sender_phone
      )
    group by l.id
    order by l.id
  loop
    perform from app.leads where id = v_lead.id for no key update;
    v_event := null;
    v_event.id := app.uuid_v7();
    v_event.business_id := p_business_id;
    v_event.lead_id := v_lead.id;
    v_event.phone_hmac := v_lead.phone_hmac;
    v_event.change := 'withdrawn';
    v_event.source := 'text';
    v_event.at := v_lead.since;
    perform app.append_consent(v_event);
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (p_business_id, 'lead', 'consent_withdrawn', v_lead.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function app.withdraw_suppressed(uuid, jsonb) is
  'Records in the ledger that people of a restored shop opted out while it was closed. Returns how many.';

reset check_function_bodies;
