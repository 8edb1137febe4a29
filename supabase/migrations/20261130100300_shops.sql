-- The baseline: shops, their numbers and profiles.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- A number joins those that wait for a shop, and goes at once to the shop that has
-- waited longest, if one does.
create function public.add_number(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business_id uuid;
begin
  insert into app.sender_numbers (phone) values (request ->> 'phone') on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'known');
  end if;
  select b.id into v_business_id
  from app.businesses b
  where b.state = 'active'
    and not exists (select from app.sender_numbers n where n.business_id = b.id)
  order by b.created_at, b.id
  limit 1
  for no key update skip locked;
  if found then
    perform app.assign_number(v_business_id);
  end if;
  return jsonb_build_object(
    'outcome', 'added',
    'business_id', (select n.business_id from app.sender_numbers n where n.phone = request ->> 'phone')
  );
end;
$$;
comment on function public.add_number(jsonb) is
  'Adds a number of ours (phone), for the shop that waits for one or the next that will. Outcome: added (with the shop that has it), or known.';
grant execute on function public.add_number(jsonb) to service_role;

-- Gives a number that belongs to nobody to a shop that has none.
create function app.assign_number(p_business_id uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_phone text;
begin
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id = p_business_id
  order by n.created_at, n.phone
  limit 1;
  if found then
    return v_phone;
  end if;
  -- Two shops that are opened at once take two.
  select n.phone into v_phone
  from app.sender_numbers n
  where n.business_id is null
  order by n.created_at, n.phone
  limit 1
  for update skip locked;
  if not found then
    return null;
  end if;
  update app.sender_numbers set business_id = p_business_id where phone = v_phone;
  insert into app.audit_events (business_id, actor, action)
  values (p_business_id, 'system', 'number_assigned');
  return v_phone;
end;
$$;
comment on function app.assign_number(uuid) is
  'A shop''s number: its own, or else one that belonged to nobody; null if none is free.';

-- The name as it was typed, but for case and what is around it.
create function app.is_same_name(p_name text, p_typed text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select lower(normalize(btrim(p_name, e' \t\r\n\u00a0')) collate "und-x-icu")
    = lower(normalize(btrim(p_typed, e' \t\r\n\u00a0')) collate "und-x-icu");
$$;
comment on function app.is_same_name(text, text) is
  'Whether somebody has typed a name; case and outer spaces do not count.';

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
comment on function public.list_activity(jsonb) is
  'A page (limit, before) of what was done in the account, the newest first.';
grant execute on function public.list_activity(jsonb) to authenticated;

create function public.number_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'numbers_free', (select count(*) from app.sender_numbers where business_id is null),
    'shops_without_a_number', (
      select count(*)
      from app.businesses b
      where b.state = 'active'
        and not exists (select from app.sender_numbers n where n.business_id = b.id)
    )
  )
  from (select request) r;
$$;
comment on function public.number_status(jsonb) is
  'How many numbers wait for a shop, and how many shops for a number.';
grant execute on function public.number_status(jsonb) to service_role;

-- unconfirmed: the owner has not confirmed the e-mail address. Supabase Auth lets nobody
-- sign in before that, if it is set up as it must be; this is the second lock.
create function public.open_account(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_new jsonb := request -> 'profile';
  v_business_id uuid;
  v_is_new boolean;
begin
  if not exists (
    select from auth.users u where u.id = v_owner_id and u.email_confirmed_at is not null
  ) then
    perform app.refuse('unconfirmed', 'the e-mail address is not confirmed');
  end if;
  if not app.is_time_zone(v_new ->> 'time_zone') then
    return jsonb_build_object('invalid', 'time_zone');
  end if;

  -- Who posts twice at once has one shop: there is no row yet to lock.
  perform pg_advisory_xact_lock(hashtextextended('open_account ' || v_owner_id, 0));
  select b.id into v_business_id
  from app.businesses b
  where b.owner_id = v_owner_id
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1
  -- Nor does a number that is added now become its second.
  for no key update;
  v_is_new := not found;
  if v_is_new then
    insert into app.businesses (
      owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language,
      about, instructions
    )
    values (
      v_owner_id, v_new ->> 'name', v_new ->> 'mailing_address', v_new ->> 'contact_email',
      v_new ->> 'contact_phone', v_new ->> 'website', v_new ->> 'time_zone', v_new ->> 'language',
      v_new ->> 'about', v_new ->> 'instructions'
    )
    returning id into v_business_id;
    insert into app.audit_events (business_id, actor, action)
    values (v_business_id, 'owner', 'account_opened');
  end if;
  return jsonb_build_object(
    'business_id', v_business_id,
    'is_new', v_is_new,
    'number', (
      select app.assign_number(b.id)
      from app.businesses b
      where b.id = v_business_id and b.state = 'active'
    )
  );
end;
$$;
comment on function public.open_account(jsonb) is
  'Opens the shop (profile) of a session''s owner, once, and gives it a number if one is free.';
grant execute on function public.open_account(jsonb) to service_role;

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
grant execute on function app.profile_view(uuid) to authenticated;

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
comment on function public.read_account(jsonb) is 'The account with its last 20 exports.';
grant execute on function public.read_account(jsonb) to authenticated;

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
comment on function public.read_shop(jsonb) is 'The owner''s shop and its profile.';
grant execute on function public.read_shop(jsonb) to authenticated;

-- The number the lead knows, if it is still the shop's; else the shop's first.
create function app.sender_for(p_lead app.leads)
returns app.e164
language sql
stable
set search_path = ''
set enable_bitmapscan = 'off'
as $$
  select n.phone
  from app.sender_numbers n
  left join (
    select m.sender_phone
    from app.messages m
    where m.lead_id = p_lead.id
    order by m.id desc
    limit 1
  ) last on last.sender_phone = n.phone
  where n.business_id = p_lead.business_id
  order by last.sender_phone is null, n.created_at, n.phone
  limit 1;
$$;
comment on function app.sender_for(app.leads) is
  'The number a lead is texted from; null if the shop has none.';

-- What heads every page. no_shop: the owner has no shop yet.
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
    perform app.refuse('no_shop', 'the owner has no shop');
  end if;
  return v_shop;
end;
$$;
comment on function app.shop_header(uuid) is
  'What every page says of a shop of the owner''s: the one named, or the first.';
grant execute on function app.shop_header(uuid) to authenticated;

-- The shop of the session's owner; no_shop if there is none.
create function app.shop_of_owner(request jsonb)
returns app.businesses
language plpgsql
stable
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_business app.businesses;
begin
  select b.* into v_business
  from app.businesses b
  where b.owner_id = v_owner_id
  order by b.state = 'active' desc, b.created_at, b.id
  limit 1;
  if not found then
    perform app.refuse('no_shop', 'the owner has no shop');
  end if;
  return v_business;
end;
$$;
comment on function app.shop_of_owner(jsonb) is
  'The shop of the session''s owner, the first that lives; refuses the call if there is none.';

create function public.update_shop(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business app.businesses := app.shop_of_owner(request);
  v_new jsonb := request -> 'profile';
  v_current jsonb;
  v_version integer;
begin
  if not app.is_time_zone(v_new ->> 'time_zone') then
    return jsonb_build_object('invalid', 'time_zone');
  end if;
  update app.businesses
  set name = v_new ->> 'name',
      mailing_address = v_new ->> 'mailing_address',
      contact_email = v_new ->> 'contact_email',
      contact_phone = v_new ->> 'contact_phone',
      website = v_new ->> 'website',
      time_zone = v_new ->> 'time_zone',
      language = v_new ->> 'language',
      about = v_new ->> 'about',
      instructions = v_new ->> 'instructions',
      updated_at = app.clock(),
      version = version + 1
  where id = v_business.id and version = (request ->> 'version')::integer
  returning version into v_version;
  if not found then
    v_current := app.profile_view(v_business.id);
    -- The answer to this very call was lost, and it is made again.
    if v_current @> v_new and (v_current ->> 'version')::integer = (request ->> 'version')::integer + 1
    then
      return jsonb_build_object('outcome', 'saved', 'version', v_current -> 'version');
    end if;
    return jsonb_build_object('outcome', 'conflict', 'current', v_current);
  end if;
  insert into app.audit_events (business_id, actor, action)
  values (v_business.id, 'owner', 'shop_updated');
  return jsonb_build_object('outcome', 'saved', 'version', v_version);
end;
$$;
comment on function public.update_shop(jsonb) is
  'Stores a profile over the version that was read. Outcome: saved (with the new version), or conflict (with the current profile); or names what is invalid.';
grant execute on function public.update_shop(jsonb) to service_role;

reset check_function_bodies;
