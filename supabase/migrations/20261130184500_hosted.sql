-- What only a hosted project shows: statements that its API refuses, and users that its
-- Auth does not find.
--
-- Locks: none that lasts; app.webhook_events is read once for its constraint.

alter table app.webhook_events
  add constraint type_is_known check (provider <> 'twilio' or type in ('message', 'status'));

-- The owner signs in anew, by a code sent to the address: no password is restored.
-- The texts are empty and not null, as Supabase Auth has them; and it finds users of
-- instance zero only (auth: internal/models/user.go).
create or replace function app.restore_owner(p_row jsonb)
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
    instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, phone, phone_confirmed_at,
    raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token,
    recovery_token, email_change, email_change_token_new, email_change_token_current,
    phone_change, phone_change_token, reauthentication_token
  )
  values (
    '00000000-0000-0000-0000-000000000000', v_user_id, 'authenticated', 'authenticated', p_row ->> 'email', '',
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

-- Where the comparison of Stripe's list with the log goes on. A listing begins
-- at the watermark, but no earlier than Stripe keeps events (30 days), and ends
-- five minutes ago: an event may take a moment to be listed.
create or replace function public.resume_stripe_listing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_listing app.stripe_listing;
  v_is_new boolean;
begin
  select * into strict v_listing from app.stripe_listing for no key update;
  v_is_new := v_listing.page_until is null;
  if v_is_new then
    update app.stripe_listing
    set page_until =
      greatest(listed_until, date_trunc('second', app.clock() - interval '5 minutes'))
    where page_until is null
    returning * into strict v_listing;
  end if;
  return jsonb_build_object(
    'is_new', v_is_new,
    'since', extract(epoch from greatest(
      v_listing.listed_until, date_trunc('second', app.clock() - interval '30 days')
    ))::bigint,
    'until', extract(epoch from v_listing.page_until)::bigint,
    'after', v_listing.page_after
  );
end;
$$;
comment on function public.resume_stripe_listing(jsonb) is
  'Which events are to be compared next: created from since to before until, and listed after the event after; and whether this listing has just begun.';
grant execute on function public.resume_stripe_listing(jsonb) to service_role;
