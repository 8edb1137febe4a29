-- What an owner does. Like export and erasure: called with the secret key, and
-- each begins by asking whether the owner's session still stands.

-- The shop of the session's owner; PT428 if there is none.
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
    raise sqlstate 'PT428' using message = 'the owner has no shop';
  end if;
  return v_business;
end;
$$;
comment on function app.shop_of_owner(jsonb) is
  'The shop of the session''s owner, the first that lives; refuses the call if there is none.';

create function app.is_time_zone(p_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform now() at time zone p_name;
  -- Postgres also takes offsets and rules of its own making, which no place has.
  return p_name ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+-]+){1,2}$' or p_name = 'UTC';
exception
  when invalid_parameter_value then
    return false;
end;
$$;
comment on function app.is_time_zone(text) is 'Whether the IANA knows a time zone by this name.';

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

create index sender_numbers_free_idx on app.sender_numbers (created_at, phone)
where business_id is null;

-- PT412: the owner has not confirmed the e-mail address. Supabase Auth lets nobody
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
    raise sqlstate 'PT412' using message = 'the e-mail address is not confirmed';
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

create function public.correct_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_current jsonb;
  v_version integer;
begin
  update app.leads
  set name = request ->> 'name',
      email = request ->> 'email',
      notes = request ->> 'notes',
      version = version + 1
  where id = v_lead.id and version = (request ->> 'version')::integer
  returning version into v_version;
  if not found then
    select app.lead_view(l, b.time_zone) into v_current
    from app.leads l
    join app.businesses b on b.id = l.business_id
    where l.id = v_lead.id;
    if not found then
      raise sqlstate 'PT404' using message = 'the owner has no such lead';
    end if;
    -- The answer to this very call was lost, and it is made again.
    if (v_current ->> 'version')::integer = (request ->> 'version')::integer + 1
      and (v_current ->> 'name') is not distinct from (request ->> 'name')
      and (v_current ->> 'email') is not distinct from (request ->> 'email')
      and (v_current ->> 'notes') is not distinct from (request ->> 'notes')
    then
      return jsonb_build_object('outcome', 'saved', 'version', v_current -> 'version');
    end if;
    return jsonb_build_object('outcome', 'conflict', 'current', v_current);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'lead_corrected', v_lead.id);
  return jsonb_build_object('outcome', 'saved', 'version', v_version);
end;
$$;
comment on function public.correct_lead(jsonb) is
  'Corrects name, email and notes of a lead (lead_id) over the version that was read. Outcome: saved (with the new version), or conflict (with the current lead).';
grant execute on function public.correct_lead(jsonb) to service_role;

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
