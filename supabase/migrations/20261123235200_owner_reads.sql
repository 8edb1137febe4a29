-- What an owner sees: one jsonb in, one jsonb out, with the owner's own token and
-- the owner's own rights. A row that is not the owner's is a row that is not there.
--
-- Each list reads a page and one row more, from an index, in its order. The limit
-- of the index scan is a number and not a parameter, so that Postgres knows it.

create function app.moment(p_time timestamptz, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when p_time is not null then jsonb_build_object(
      'at', app.ledger_time(p_time),
      'local', to_char(p_time at time zone p_time_zone, 'YYYY-MM-DD"T"HH24:MI')
    )
  end;
$$;
comment on function app.moment(timestamptz, text) is
  'A time as the console gets it: UTC, and at the shop.';

create function app.page_size(request jsonb)
returns integer
language sql
immutable
set search_path = ''
as $$
  select least(greatest(coalesce((request ->> 'limit')::integer, 50), 1), 100);
$$;
comment on function app.page_size(jsonb) is 'How many rows of a list are asked for: 1 to 100.';

-- A cursor into a list that goes by a time: microseconds since 1970, and an id.
create function app.time_cursor(p_time timestamptz, p_id uuid)
returns text
language sql
immutable
set search_path = ''
as $$
  select (extract(epoch from p_time) * 1000000)::bigint || '.' || p_id;
$$;
comment on function app.time_cursor(timestamptz, uuid) is 'Where a list by time goes on.';

create function app.cursor_time(p_cursor text)
returns timestamptz
language sql
immutable
set search_path = ''
as $$
  select case
    when p_cursor is null then 'infinity'::timestamptz
    when p_cursor ~ '^[0-9]{1,17}\.' then
      'epoch'::timestamptz + split_part(p_cursor, '.', 1)::bigint * interval '1 microsecond'
  end;
$$;
comment on function app.cursor_time(text) is
  'The time in a cursor: the end of time without one, null in what is none.';

-- The id in a cursor, or the highest there is; null in what is none.
create function app.cursor_id(p_cursor text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when p_cursor is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
    when p_cursor ~ '^([0-9]{1,17}\.)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
      right(p_cursor, 36)::uuid
  end;
$$;
comment on function app.cursor_id(text) is
  'The id in a cursor: the highest without one, null in what is none.';

-- What heads every page. PT428: the owner has no shop yet.
create function app.shop_header(p_business_id uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_own uuid[] := app.own_business_ids();
  v_shop jsonb;
begin
  select jsonb_build_object(
    'id', b.id,
    'name', b.name,
    'state', b.state,
    'language', b.language,
    'time_zone', b.time_zone,
    'role', 'owner',
    'billing', s.standing,
    'served_until', (
      select app.moment(max(p.unpaid_since) + app.payment_grace(), b.time_zone)
      from app.subscriptions p
      where s.standing = 'past_due' and p.business_id = b.id and p.status = 'past_due'
    ),
    'numbers', (
      select coalesce(jsonb_agg(n.phone order by n.created_at, n.phone), '[]')
      from app.sender_numbers n
      where n.business_id = b.id
    ),
    'flagged', (
      select count(*)
      from (
        select
        from app.leads l
        where l.business_id = b.id and l.needs_owner_since is not null
        limit 100
      ) f
    )
  ) into v_shop
  from app.businesses b
  cross join lateral (select app.billing_standing(b.id) as standing) s
  where b.id = any (v_own) and b.id = coalesce(p_business_id, b.id)
  -- Who has several sees the oldest that lives.
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    raise sqlstate 'PT428' using message = 'the owner has no shop';
  end if;
  return v_shop;
end;
$$;
comment on function app.shop_header(uuid) is
  'What every page says of a shop of the owner''s: the one named, or the first.';

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
    'name', p_lead.name,
    'email', p_lead.email,
    'notes', p_lead.notes,
    'language', p_lead.language,
    'created_at', app.moment(p_lead.created_at, p_time_zone),
    'last_inbound_at', app.moment(p_lead.last_inbound_at, p_time_zone),
    'flag', p_lead.needs_owner_reason,
    'flagged_at', app.moment(p_lead.needs_owner_since, p_time_zone),
    'taken_over_at', app.moment(p_lead.taken_over_at, p_time_zone)
  );
$$;
comment on function app.lead_view(app.leads, text) is 'What the console says of a lead.';

create function app.consent_view(p_lead app.leads, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'suppressed', s.reason,
    'suppressed_at', app.moment(s.since, p_time_zone),
    'response_until', app.moment(
      case
        when p_lead.last_inbound_at > app.clock() - interval '24 hours'
          then p_lead.last_inbound_at + interval '24 hours'
      end,
      p_time_zone
    ),
    'express_since', app.moment(c.express_since, p_time_zone),
    'inquiry_until', app.moment(c.inquiry_until, p_time_zone),
    'purchase_until', app.moment(c.purchase_until, p_time_zone)
  )
  from (values (true)) one
  left join app.consent_ledgers c
    on c.business_id = p_lead.business_id and c.phone_hmac = p_lead.phone_hmac
  left join lateral (
    select o.reason, o.since
    from app.sender_numbers n
    join app.suppressions o on o.sender_phone = n.phone and o.phone_hmac = p_lead.phone_hmac
    where n.business_id = p_lead.business_id
    -- An opt-out comes before what carriers say.
    order by o.reason, o.since
    limit 1
  ) s on true;
$$;
comment on function app.consent_view(app.leads, text) is
  'Whether and why a lead may be texted: what app.gate goes by.';

create function public.list_conversations(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_filter text := coalesce(request ->> 'filter', 'all');
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_before timestamptz := app.cursor_time(request ->> 'before');
  v_leads uuid[];
  v_cursors text[];
  v_conversations jsonb;
begin
  if v_filter = 'all' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into v_leads, v_cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = v_business_id and c.last_message_id < v_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif v_filter = 'unanswered' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into v_leads, v_cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = v_business_id and c.is_unanswered and c.last_message_id < v_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif v_filter = 'flagged' then
    select array_agg(p.id order by p.needs_owner_since desc, p.id desc),
      array_agg(app.time_cursor(p.needs_owner_since, p.id) order by p.needs_owner_since desc, p.id desc)
    into v_leads, v_cursors
    from (
      select l.id, l.needs_owner_since
      from app.leads l
      where l.business_id = v_business_id
        and l.needs_owner_since is not null
        and (l.needs_owner_since, l.id) < (v_before, v_before_id)
      order by l.needs_owner_since desc, l.id desc
      limit 101
    ) p;
  elsif v_filter = 'opted_out' then
    select array_agg(p.lead_id order by p.suppressed_at desc, p.lead_id desc),
      array_agg(
        app.time_cursor(p.suppressed_at, p.lead_id) order by p.suppressed_at desc, p.lead_id desc
      )
    into v_leads, v_cursors
    from (
      select c.lead_id, c.suppressed_at
      from app.conversations c
      where c.business_id = v_business_id
        and c.suppressed_at is not null
        and (c.suppressed_at, c.lead_id) < (v_before, v_before_id)
      order by c.suppressed_at desc, c.lead_id desc
      limit 101
    ) p;
  else
    raise sqlstate 'PT400' using message = 'there is no such filter';
  end if;

  select jsonb_agg(
    jsonb_build_object(
      'lead', l.id,
      'name', l.name,
      'phone', l.phone,
      'last_text', case
        when m.id is not null then jsonb_build_object(
          'author', m.author,
          'body', left(m.body, 160),
          'is_cut', char_length(m.body) > 160,
          'media_count', m.media_count,
          'at', app.moment(m.created_at, v_time_zone),
          'status', m.status
        )
      end,
      'flag', l.needs_owner_reason,
      'flagged_at', app.moment(l.needs_owner_since, v_time_zone),
      'is_unanswered', coalesce(c.is_unanswered, false),
      'assistant_answers', l.taken_over_at is null,
      'suppressed', o.reason
    )
    order by t.place
  )
  into v_conversations
  from unnest(v_leads[:v_limit]) with ordinality t (lead_id, place)
  join app.leads l on l.id = t.lead_id
  left join app.conversations c on c.lead_id = l.id
  left join app.messages m on m.id = c.last_message_id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = v_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;

  return jsonb_build_object(
    'shop', v_shop,
    'conversations', coalesce(v_conversations, '[]'),
    'next', case when cardinality(v_leads) > v_limit then v_cursors[v_limit] end
  );
end;
$$;
grant execute on function public.list_conversations(jsonb) to authenticated;
comment on function public.list_conversations(jsonb) is
  'A page (limit, before) of conversations, by filter: all, unanswered, flagged or opted_out; the newest first.';

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
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  return v_lead;
end;
$$;
comment on function app.own_lead(jsonb) is
  'A lead (lead_id) that row level security lets the caller see; refuses the call if there is none.';

create function public.read_conversation(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_texts jsonb;
  v_ids uuid[];
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'author', p.author,
        'body', p.body,
        'masked_count', p.masked_count,
        'at', app.moment(p.created_at, v_time_zone),
        'status', p.status,
        'error_code', p.error_code,
        'legal_basis', p.legal_basis,
        'media', case
          when p.media_count > 0 then (
            select coalesce(
              jsonb_agg(
                jsonb_build_object(
                  'position', d.position,
                  'state', d.state,
                  'found_type', d.found_type,
                  'byte_count', d.byte_count,
                  'storage_path', case when d.state = 'stored' then d.storage_path end
                )
                order by d.position
              ),
              '[]'
            )
            from app.media d
            where d.message_id = p.id
          )
          else '[]'
        end
      )
      order by p.id desc
    )
  into v_ids, v_texts
  from (
    select q.*
    from (
      select m.id, m.author, m.body, m.masked_count, m.media_count, m.created_at, m.status,
        m.error_code, m.legal_basis
      from app.messages m
      where m.lead_id = v_lead.id and m.id < v_before_id
      order by m.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;

  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    'texts', coalesce(
      case when cardinality(v_ids) > v_limit then v_texts - v_limit else v_texts end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
grant execute on function public.read_conversation(jsonb) to authenticated;
comment on function public.read_conversation(jsonb) is
  'A page (limit, before) of the texts with a lead (lead_id), the newest first.';

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
grant execute on function public.read_lead(jsonb) to authenticated;
comment on function public.read_lead(jsonb) is
  'A lead (lead_id), and the evidence of consent: the newest 100 pieces.';

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
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_name text := lower(request #>> '{search,name}');
  v_phone text := request #>> '{search,phone}';
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_last app.leads;
  v_ids uuid[];
  v_leads jsonb;
begin
  if request ->> 'before' is not null then
    select l.* into v_last
    from app.leads l
    where l.id = v_before_id and l.business_id = v_business_id;
  end if;

  if v_phone is not null then
    select array_agg(p.id order by p.phone) into v_ids
    from (
      select l.id, l.phone
      from app.leads l
      where l.business_id = v_business_id
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
      where l.business_id = v_business_id
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
      where l.business_id = v_business_id and l.id < v_before_id
      order by l.id desc
      limit 101
    ) p;
  end if;

  select jsonb_agg(
    jsonb_build_object(
      'id', l.id,
      'phone', l.phone,
      'name', l.name,
      'email', l.email,
      'created_at', app.moment(l.created_at, v_time_zone),
      'last_inbound_at', app.moment(l.last_inbound_at, v_time_zone),
      'suppressed', o.reason
    )
    order by t.place
  )
  into v_leads
  from unnest(v_ids[:v_limit]) with ordinality t (id, place)
  join app.leads l on l.id = t.id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = v_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;

  return jsonb_build_object(
    'shop', v_shop,
    'leads', coalesce(v_leads, '[]'),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
grant execute on function public.list_leads(jsonb) to authenticated;
comment on function public.list_leads(jsonb) is
  'A page (limit, before) of leads: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';

create function app.profile_view(p_business_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', b.version,
    'name', b.name,
    'mailing_address', b.mailing_address,
    'contact_email', b.contact_email,
    'contact_phone', b.contact_phone,
    'website', b.website,
    'time_zone', b.time_zone,
    'language', b.language,
    'about', b.about,
    'instructions', b.instructions,
    'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI'),
    'created_at', app.moment(b.created_at, b.time_zone),
    'updated_at', app.moment(b.updated_at, b.time_zone)
  )
  from app.businesses b
  where b.id = p_business_id;
$$;
comment on function app.profile_view(uuid) is 'All of a shop that its owner can change.';

create function public.read_shop(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
begin
  return jsonb_build_object('shop', v_shop, 'profile', app.profile_view((v_shop ->> 'id')::uuid));
end;
$$;
grant execute on function public.read_shop(jsonb) to authenticated;
comment on function public.read_shop(jsonb) is 'The owner''s shop and its profile.';

create function public.list_activity(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_ids uuid[];
  v_events jsonb;
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'at', app.moment(p.at, v_time_zone),
        'actor', p.actor,
        'action', p.action,
        'subject_id', p.subject_id
      )
      order by p.id desc
    )
  into v_ids, v_events
  from (
    select q.*
    from (
      select a.id, a.at, a.actor, a.action, a.subject_id
      from app.audit_events a
      where a.business_id = v_business_id and a.id < v_before_id
      order by a.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;
  return jsonb_build_object(
    'shop', v_shop,
    'events', coalesce(
      case when cardinality(v_ids) > v_limit then v_events - v_limit else v_events end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
grant execute on function public.list_activity(jsonb) to authenticated;
comment on function public.list_activity(jsonb) is
  'A page (limit, before) of what was done in the account, the newest first.';

create function public.read_account(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'exports', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', e.id,
            'format', e.format,
            'state', e.state,
            'requested_at', app.moment(e.requested_at, v_time_zone),
            'due_on', e.due_on,
            'rows_done', e.rows_done,
            'rows_total', e.rows_total,
            'snapshot_at', app.moment(e.snapshot_at, v_time_zone),
            'byte_count', e.byte_count,
            'sha256', encode(e.sha256, 'hex'),
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.id desc
        ),
        '[]'
      )
      from (
        select x.id, x.format, x.state, x.requested_at, x.due_on, x.rows_done, x.rows_total,
          x.snapshot_at, x.byte_count, x.sha256, x.expires_at
        from app.exports x
        where x.business_id = (v_shop ->> 'id')::uuid
        order by x.id desc
        limit 20
      ) e
    )
  );
end;
$$;
grant execute on function public.read_account(jsonb) to authenticated;
comment on function public.read_account(jsonb) is 'The account with its last 20 exports.';

-- The helpers run with the caller's rights, and the caller is an owner.
grant execute on function app.moment(timestamptz, text) to authenticated;
grant execute on function app.page_size(jsonb) to authenticated;
grant execute on function app.time_cursor(timestamptz, uuid) to authenticated;
grant execute on function app.cursor_time(text) to authenticated;
grant execute on function app.cursor_id(text) to authenticated;
grant execute on function app.shop_header(uuid) to authenticated;
grant execute on function app.lead_view(app.leads, text) to authenticated;
grant execute on function app.consent_view(app.leads, text) to authenticated;
grant execute on function app.own_lead(jsonb) to authenticated;
grant execute on function app.profile_view(uuid) to authenticated;
