create table app.media (
  message_id uuid not null references app.messages (id),
  position smallint not null,
  business_id uuid not null references app.businesses (id),
  twilio_sid text not null,
  told_type text,
  state text not null default 'pending',
  refusal text,
  found_type text,
  byte_count integer,
  sha256 bytea,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || message_id::text || '/' || position::text
  ) stored,
  created_at timestamptz not null default app.clock(),
  settled_at timestamptz,
  removed_at timestamptz,

  constraint media_pkey primary key (message_id, position),
  constraint position_is_bounded check (position between 0 and 9),
  constraint twilio_sid_form check (twilio_sid ~ '^ME[0-9a-f]{32}$'),
  constraint told_type_is_short check (char_length(told_type) <= 100),
  constraint state_is_known check (state in ('pending', 'stored', 'refused')),
  constraint refusal_is_known check (refusal in ('type', 'too_large', 'gone', 'unavailable')),
  constraint refused_has_a_reason check ((state = 'refused') = (refusal is not null)),
  constraint stored_is_described check (
    num_nonnulls(found_type, byte_count, sha256) = case state when 'stored' then 3 else 0 end
  ),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint settled_when_not_pending check ((state = 'pending') = (settled_at is null)),
  constraint removed_only_when_settled check (removed_at is null or state <> 'pending')
);
comment on table app.media is
  'Pictures and the like that came with texts: what became of each, in our bucket and at Twilio.';
comment on column app.media.told_type is 'The content type Twilio told. Decides nothing.';
comment on column app.media.found_type is 'The content type its bytes have.';
comment on column app.media.storage_path is
  'Where it is in the bucket media, if it is: business, message, position. Whoever erases a message finds its objects by it.';
comment on column app.media.removed_at is 'Since when Twilio does not have it any more.';
create index media_business_id_idx on app.media (business_id);
alter table app.media enable row level security;
create policy own on app.media for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  message_id, position, business_id, state, found_type, byte_count, storage_path
) on app.media to authenticated;
