-- A demo shop for the local stack. Everything here is made up: the numbers are
-- in a range kept for fiction, the password is printed by `cargo dev`.

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at
)
values (
  '00000000-0000-0000-0000-000000000000', '0193a000-0000-7000-8000-000000000001', 'authenticated', 'authenticated', 'owner@example.com',
  extensions.crypt('correct horse battery', extensions.gen_salt('bf', 10)), now(),
  '{"provider": "email", "providers": ["email"]}', '{}', now(), now()
)
on conflict do nothing;

insert into auth.identities (
  id, provider_id, user_id, provider, identity_data, last_sign_in_at, created_at, updated_at
)
values (
  '0193a000-0000-7000-8000-000000000002', '0193a000-0000-7000-8000-000000000001',
  '0193a000-0000-7000-8000-000000000001', 'email',
  '{"sub": "0193a000-0000-7000-8000-000000000001", "email": "owner@example.com", "email_verified": true}',
  now(), now(), now()
)
on conflict do nothing;

insert into app.businesses (
  id, owner_id, name, mailing_address, contact_email, contact_phone, website, language, about,
  instructions
)
values (
  '0193a000-0000-7000-8000-000000000010', '0193a000-0000-7000-8000-000000000001', 'Mile End Bikes',
  '5425 rue de Bordeaux, Montréal QC H2H 2P9', 'hello@mileendbikes.example', '+15145550199',
  'https://mileendbikes.example', 'en',
  'Bicycle repair and sales. Open Monday to Friday 9:00 to 18:00, Saturday 10:00 to 16:00, closed Sunday. '
  'Basic tune-up $79, full tune-up $139, flat tire repair $25 with tube. Most repairs take 2 days. '
  'We repair e-bikes, but not their motors. Walk-ins are welcome; no appointment is needed for flat tires.',
  'Friendly and short. Say "bike", not "bicycle".'
)
on conflict do nothing;

insert into app.stripe_customers (id, business_id)
values ('cus_DemoShop', '0193a000-0000-7000-8000-000000000010')
on conflict do nothing;

-- Paid for as long as anybody will try this.
insert into app.subscriptions (
  id, business_id, customer_id, status, price_id, current_period_start, current_period_end,
  cancel_at_period_end, is_collection_paused, created_at
)
values (
  'sub_DemoShop', '0193a000-0000-7000-8000-000000000010', 'cus_DemoShop', 'active',
  'price_local_month', '2026-11-01T00:00:00Z', '2099-11-01T00:00:00Z', false, false,
  '2026-11-01T00:00:00Z'
)
on conflict do nothing;

insert into app.sender_numbers (phone, business_id)
values
  ('+15145550100', '0193a000-0000-7000-8000-000000000010'),
  -- For who signs up.
  ('+15145550160', null),
  ('+15145550161', null),
  ('+15145550162', null)
on conflict do nothing;
