-- The baseline: the people who text a shop.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- Invariant: What two may change is changed over a version. A correction names the
-- version it was begun from (leads.version, businesses.version); if there is a newer
-- one, nothing is stored and the caller gets that. A form has an id: posted twice, its
-- text goes out once (messages.request_id).
create function public.correct_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_wanted app.leads;
  v_columns text;
  v_fields jsonb;
  v_version integer;
begin
  -- Every field, and no other column, whatever the request has besides.
  select string_agg(format('%I', f.key), ', '),
    jsonb_object_agg(f.key, request -> f.key)
  into v_columns, v_fields
  from jsonb_object_keys(app.editable_fields(v_lead)) f (key);
  v_wanted := jsonb_populate_record(v_lead, v_fields);
  execute format(
    'update app.leads set (%1$s, version) = (select %1$s, $2 + 1 from (select ($1).*) w)
     where id = ($1).id and version = $2
     returning version',
    v_columns
  )
  using v_wanted, (request ->> 'version')::integer
  into v_version;
  if v_version is not null then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_lead.business_id, 'owner', 'lead_corrected', v_lead.id);
    return jsonb_build_object('outcome', 'saved', 'version', v_version);
  end if;

  select * into v_lead from app.leads where id = v_lead.id;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  -- The answer to this very call was lost, and it is made again.
  elsif v_lead.version = (request ->> 'version')::integer + 1
    and app.editable_fields(v_lead) = app.editable_fields(v_wanted)
  then
    return jsonb_build_object('outcome', 'saved', 'version', v_lead.version);
  end if;
  return jsonb_build_object(
    'outcome', 'conflict',
    'current', (
      select app.lead_view(v_lead, b.time_zone) from app.businesses b where b.id = v_lead.business_id
    )
  );
end;
$$;
comment on function public.correct_lead(jsonb) is
  'Corrects all editable fields of a lead (lead_id) over the version that was read. Outcome: saved (with the new version), or conflict (with the current lead).';
grant execute on function public.correct_lead(jsonb) to service_role;

-- What owners may correct of a lead, the one list. lib has it too (data::tables); a test
-- compares the two.
create function app.editable_fields(p_lead app.leads)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object('name', p_lead.name, 'email', p_lead.email, 'notes', p_lead.notes);
$$;
comment on function app.editable_fields(app.leads) is 'The fields of a lead that its owner may correct.';
grant execute on function app.editable_fields(app.leads) to authenticated;

-- What stays names nobody: that the number must not be texted (suppressions) and
-- what was agreed (the ledger), both under a keyed hash, and that this was done.
create function public.erase_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_texts bigint;
begin
  -- In the order job, lead, message.
  perform
  from app.jobs j
  where j.message_id in (select m.id from app.messages m where m.lead_id = v_lead.id)
  order by j.id
  for update;
  perform from app.leads where id = v_lead.id for update;

  -- Again, for what came before the lead was locked: whoever makes a job holds it.
  delete from app.jobs j
  using app.messages m
  where m.id = j.message_id and m.lead_id = v_lead.id;
  delete from app.status_events s
  using app.messages m
  where m.id = s.message_id and m.lead_id = v_lead.id;
  with gone as (
    delete from app.media p
    using app.messages m
    where m.id = p.message_id and m.lead_id = v_lead.id
    returning p.storage_path
  )
  insert into app.object_deletions (bucket, path)
  select 'media', storage_path
  from gone
  on conflict do nothing;
  delete from app.messages where lead_id = v_lead.id;
  get diagnostics v_texts = row_count;
  update app.consent_events
  set wording = null, wording_salt = null
  where business_id = v_lead.business_id
    and phone_hmac = v_lead.phone_hmac
    and wording is not null;
  delete from app.leads where id = v_lead.id;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'lead_erased', v_lead.id);
  return jsonb_build_object('outcome', 'erased', 'texts', v_texts);
end;
$$;
comment on function public.erase_lead(jsonb) is
  'Erases one person (lead_id) of the session''s owner: the texts, what is known of them, their wording in the ledger. Suppressions and the ledger stay, under a keyed hash.';
grant execute on function public.erase_lead(jsonb) to service_role;

create function public.export_lead(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_after uuid := coalesce(
    (request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000'
  );
begin
  return jsonb_build_object(
    'format', 'leadslock lead export 2',
    'made_at', app.clock(),
    'person', app.person_rows('leads', 'where t.id = ($1).id', null, v_lead, null) -> 0,
    'consent', app.person_rows(
      'consent_events',
      'where t.business_id = ($1).business_id and t.phone_hmac = ($1).phone_hmac
       order by t.sequence',
      null, v_lead, null
    ),
    'suppressed', app.person_rows(
      'suppressions',
      'join app.sender_numbers n on n.phone = t.sender_phone
       where n.business_id = ($1).business_id and t.phone_hmac = ($1).phone_hmac
       order by t.sender_phone',
      null, v_lead, null
    ),
    'texts', app.person_rows(
      'messages', 'where t.lead_id = ($1).id and t.id > $2 order by t.id limit 200',
      'app.pictures_of(t) as pictures', v_lead, v_after
    )
  );
end;
$$;
comment on function public.export_lead(jsonb) is
  'Everything about one person (lead_id) for the session''s owner to hand over, with 200 texts after texts_after.';
grant execute on function public.export_lead(jsonb) to service_role;

create function app.flag_for_owner(p_lead_id uuid, p_reason text)
returns void
language sql
set search_path = ''
as $$
  update app.leads
  set needs_owner_since = coalesce(needs_owner_since, app.clock()), needs_owner_reason = p_reason
  where id = p_lead_id;
$$;
comment on function app.flag_for_owner(uuid, text) is 'Puts a lead on the owner''s list. The newest reason shows.';

create function app.lead_lines(p_business_id uuid, p_leads uuid[], p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'id', l.id,
      'phone', l.phone,
      'name', l.name,
      'email', l.email,
      'created_at', app.moment(l.created_at, p_time_zone),
      'last_inbound_at', app.moment(l.last_inbound_at, p_time_zone),
      'suppressed', o.reason
    )
    order by t.place
  ), '[]')
  from unnest(p_leads) with ordinality t (id, place)
  join app.leads l on l.id = t.id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = p_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;
$$;
comment on function app.lead_lines(uuid, uuid[], text) is
  'What the list of leads says of each, in the order of the leads.';
grant execute on function app.lead_lines(uuid, uuid[], text) to authenticated;

create function app.lead_of_owner(request jsonb)
returns app.leads
language plpgsql
stable
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_lead app.leads;
begin
  select l.* into v_lead
  from app.leads l
  join app.businesses b on b.id = l.business_id
  where b.owner_id = v_owner_id
    and l.id = (request ->> 'lead_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  return v_lead;
end;
$$;
comment on function app.lead_of_owner(jsonb) is
  'A lead (lead_id) of the session''s owner; refuses the call if there is none.';

-- Read from an index in the list's order, one row more than a page has.
create function app.lead_page(p_business_id uuid, p_search jsonb, p_before text)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := lower(p_search ->> 'name');
  v_phone text := p_search ->> 'phone';
  v_before_id uuid := app.cursor_id(p_before);
  v_last app.leads;
  v_ids uuid[];
begin
  if p_before is not null then
    select l.* into v_last
    from app.leads l
    where l.id = v_before_id and l.business_id = p_business_id;
  end if;

  if v_phone is not null then
    select array_agg(p.id order by p.phone) into v_ids
    from (
      select l.id, l.phone
      from app.leads l
      where l.business_id = p_business_id
        and l.phone >= v_phone
        -- Digits sort alike in every language; what comes after them does not.
        and l.phone <= v_phone || repeat('9', 20)
        and l.phone > coalesce(v_last.phone::text, '')
      order by l.phone
      limit 101
    ) p;
  elsif v_name is not null then
    select array_agg(p.id order by p.name_key, p.id) into v_ids
    from (
      select l.id, l.name_key
      from app.leads l
      where l.business_id = p_business_id
        and l.name_key is not null
        and l.name_key >= v_name collate "C"
        and l.name_key < (v_name || chr(1114111)) collate "C"
        and (l.name_key, l.id) > (
          coalesce(v_last.name_key, '') collate "C",
          coalesce(v_last.id, '00000000-0000-0000-0000-000000000000')
        )
      order by l.name_key, l.id
      limit 101
    ) p;
  else
    select array_agg(p.id order by p.id desc) into v_ids
    from (
      select l.id
      from app.leads l
      where l.business_id = p_business_id and l.id < v_before_id
      order by l.id desc
      limit 101
    ) p;
  end if;
  return v_ids;
end;
$$;
comment on function app.lead_page(uuid, jsonb, text) is
  'The leads of a page: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';
grant execute on function app.lead_page(uuid, jsonb, text) to authenticated;

create function app.lead_view(p_lead app.leads, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_lead.id,
    'version', p_lead.version,
    'phone', p_lead.phone,
    'language', p_lead.language,
    'created_at', app.moment(p_lead.created_at, p_time_zone),
    'last_inbound_at', app.moment(p_lead.last_inbound_at, p_time_zone),
    'flag', p_lead.needs_owner_reason,
    'flagged_at', app.moment(p_lead.needs_owner_since, p_time_zone),
    'taken_over_at', app.moment(p_lead.taken_over_at, p_time_zone)
  ) || app.editable_fields(p_lead);
$$;
comment on function app.lead_view(app.leads, text) is 'What the console says of a lead.';
grant execute on function app.lead_view(app.leads, text) to authenticated;

-- A cursor is an id here too: a name or a number has no place in a URL. Where the
-- list goes on, the lead that has it says.
create function public.list_leads(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_limit integer := app.page_size(request);
  v_ids uuid[] := app.lead_page(v_business_id, request -> 'search', request ->> 'before');
begin
  return jsonb_build_object(
    'shop', v_shop,
    'leads', app.lead_lines(v_business_id, v_ids[:v_limit], v_shop ->> 'time_zone'),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
comment on function public.list_leads(jsonb) is
  'A page (limit, before) of leads: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';
grant execute on function public.list_leads(jsonb) to authenticated;

create function app.own_lead(request jsonb)
returns app.leads
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  select l.* into v_lead from app.leads l where l.id = (request ->> 'lead_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  return v_lead;
end;
$$;
comment on function app.own_lead(jsonb) is
  'A lead (lead_id) that row level security lets the caller see; refuses the call if there is none.';
grant execute on function app.own_lead(jsonb) to authenticated;

create function app.person_rows(p_table text, p_source text, p_also text, p_lead app.leads, p_after uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_rows jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(r)), ''[]'') from (select %s from app.%I t %s) r',
    concat_ws(', ', app.told_columns(p_table, 'person'), p_also), p_table, p_source
  )
  using p_lead, p_after
  into v_rows;
  return v_rows;
end;
$$;
comment on function app.person_rows(text, text, text, app.leads, uuid) is
  'Rows of a table (as t) that are about one person ($1), after a row ($2), with all columns that a person''s file holds.';

create function app.pictures_of(p_message app.messages)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_message.media_count = 0 then
    return '[]';
  end if;
  return app.person_rows(
    'media', 'where t.message_id = $2 order by t.position', null, null, p_message.id
  );
end;
$$;
comment on function app.pictures_of(app.messages) is
  'What came with a text, as a person''s file holds it.';

create function public.read_lead(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    -- All of the phone number's: they outlive the lead.
    'events', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'at', app.moment(e.at, v_time_zone),
            'change', e.change,
            'basis', e.basis,
            'source', e.source,
            'rule', e.rule,
            'wording', e.wording,
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.sequence desc
        ),
        '[]'
      )
      from (
        select c.at, c.change, c.basis, c.source, c.rule, c.wording, c.expires_at, c.sequence
        from app.consent_events c
        where c.business_id = v_lead.business_id and c.phone_hmac = v_lead.phone_hmac
        order by c.sequence desc
        limit 100
      ) e
    ),
    'event_count', coalesce(
      (
        select g.length
        from app.consent_ledgers g
        where g.business_id = v_lead.business_id and g.phone_hmac = v_lead.phone_hmac
      ),
      0
    )
  );
end;
$$;
comment on function public.read_lead(jsonb) is
  'A lead (lead_id), and the evidence of consent: the newest 100 pieces.';
grant execute on function public.read_lead(jsonb) to authenticated;

create function public.resolve_flag(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_was_flagged boolean;
begin
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  v_was_flagged := found;
  if v_was_flagged then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_lead.business_id, 'owner', 'flag_resolved', v_lead.id);
  end if;
  return jsonb_build_object('was_flagged', v_was_flagged);
end;
$$;
comment on function public.resolve_flag(jsonb) is 'Takes a lead (lead_id) off the owner''s list.';
grant execute on function public.resolve_flag(jsonb) to service_role;

reset check_function_bodies;
