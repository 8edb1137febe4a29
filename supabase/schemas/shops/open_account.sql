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
