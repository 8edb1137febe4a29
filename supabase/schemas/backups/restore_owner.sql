-- The owner signs in anew, by a code sent to the address: no password is restored.
-- The texts are empty and not null, as Supabase Auth has them; and it finds users of
-- instance zero only (auth: internal/models/user.go).
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
