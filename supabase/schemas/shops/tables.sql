create table app.businesses (
  id uuid primary key default app.uuid_v7(),
  owner_id uuid not null references auth.users (id),
  name text not null,
  mailing_address text not null,
  contact_email text,
  contact_phone app.e164,
  website text,
  time_zone text not null default 'America/Toronto',
  language text not null default 'en',
  about text not null default '',
  instructions text not null default '',
  state text not null default 'active',
  created_at timestamptz not null default app.clock(),
  updated_at timestamptz not null default app.clock(),
  version integer not null default 1,

  constraint name_is_short check (char_length(name) between 1 and 60),
  constraint mailing_address_is_given check (char_length(mailing_address) between 1 and 300),
  constraint contact_is_given check (num_nonnulls(contact_email, contact_phone, website) > 0),
  constraint website_is_a_url check (website ~ '^https://[^[:space:]]{1,200}$'),
  constraint language_is_known check (language in ('en', 'fr')),
  constraint about_is_bounded check (char_length(about) <= 8000),
  constraint instructions_are_bounded check (char_length(instructions) <= 4000),
  constraint state_is_known check (state in ('active', 'closing', 'closed'))
);
comment on table app.businesses is 'The shops: who owns them and what the assistant may say for them.';
comment on column app.businesses.about is
  'What customers may be told: hours, services, prices. The assistant knows nothing else.';
comment on column app.businesses.instructions is 'How the owner wants the assistant to talk.';
comment on column app.businesses.mailing_address is
  'Canada''s anti-spam law wants it within reach of every message (SOR/2012-36, s. 2).';
comment on column app.businesses.version is
  'Counts changes of the profile. One that names another version was begun before the last.';
create index businesses_owner_id_idx on app.businesses (owner_id);
alter table app.businesses
  alter column name set statistics 0,
  alter column mailing_address set statistics 0,
  alter column contact_email set statistics 0,
  alter column contact_phone set statistics 0,
  alter column website set statistics 0,
  alter column about set statistics 0,
  alter column instructions set statistics 0;
alter table app.businesses enable row level security;
create policy own on app.businesses for select to authenticated
using (id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language,
  about, instructions, state, created_at, updated_at, version
) on app.businesses to authenticated;

create table app.sender_numbers (
  phone app.e164 primary key,
  business_id uuid references app.businesses (id),
  created_at timestamptz not null default app.clock(),
  texts_per_minute integer not null default 30,

  constraint texts_per_minute_is_positive check (texts_per_minute > 0)
);
comment on table app.sender_numbers is
  'Our Twilio numbers: what a shop is texted at and texts from. Without a shop, a number waits for one.';
comment on column app.sender_numbers.texts_per_minute is
  'How many texts may be handed to Twilio in any 60 seconds. An operator raises it for a short code or a toll-free number.';
comment on column app.sender_numbers.business_id is
  'The shop that has it; null for a number that nobody has at the moment.';
create index sender_numbers_business_id_idx on app.sender_numbers (business_id);
create index sender_numbers_free_idx on app.sender_numbers (created_at, phone)
where business_id is null;
alter table app.sender_numbers enable row level security;
create policy own on app.sender_numbers for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (phone, business_id, created_at) on app.sender_numbers to authenticated;
