create table app.exports (
  id uuid primary key default app.uuid_v7(),
  business_id uuid not null references app.businesses (id),
  format text not null,
  state text not null default 'open',
  requested_by text not null,
  requested_at timestamptz not null default app.clock(),
  due_on date not null,
  due_at timestamptz not null,
  snapshot text,
  snapshot_at timestamptz,
  counts jsonb,
  chunk_count integer,
  rows_total bigint,
  rows_done bigint not null default 0,
  byte_count bigint,
  sha256 bytea,
  finished_at timestamptz,
  expires_at timestamptz,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || id::text || '.zip'
  ) stored,

  constraint format_is_known check (format in ('json', 'csv')),
  constraint requested_by_is_known check (requested_by in ('owner', 'operator')),
  constraint snapshot_is_whole
    check (num_nonnulls(snapshot, snapshot_at, counts, chunk_count, rows_total) in (0, 5)),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint finished_is_described check (
    num_nonnulls(byte_count, sha256, finished_at, expires_at)
      = case when state in ('ready', 'expired') then 4 else 0 end
  ),
  constraint state_is_known
    check (state in ('unconfirmed', 'open', 'ready', 'expired', 'cancelled'))
);
comment on table app.exports is
  'Exports asked for. An open one has a job, until it is ready.';
comment on column app.exports.state is
  'unconfirmed: asked for by other means, and nothing happens until the owner asks too.';
comment on column app.exports.snapshot is 'The moment the rows are of, as pg_current_snapshot has it.';
comment on column app.exports.counts is 'How many rows each file has.';
comment on column app.exports.storage_path is 'Where the bundle is in the bucket exports, if it is.';
-- The same request while one is under way is that one.
create unique index exports_under_way_key on app.exports (business_id, format)
where state in ('unconfirmed', 'open');
create index exports_business_id_idx on app.exports (business_id);
create index exports_owed_idx on app.exports (due_at) where state in ('unconfirmed', 'open');
create index exports_expiry_idx on app.exports (expires_at) where state = 'ready';
create index exports_expired_idx on app.exports (expires_at) where state = 'expired';
create trigger exports_are_of_active_shops
before insert on app.exports
for each row execute function app.refuse_export_of_closing();
alter table app.exports enable row level security;
create policy own on app.exports for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (
  id, business_id, format, state, requested_at, due_on, snapshot_at, rows_total, rows_done,
  byte_count, sha256, expires_at
) on app.exports to authenticated;

-- Unlogged, so that these copies are in no backup and no replica, and cost half
-- as much. After a crash of the database they are gone; then the rows are
-- gathered anew, as of then.
create unlogged table app.export_chunks (
  export_id uuid not null references app.exports (id) on delete cascade,
  number integer not null,
  file text not null,
  rows integer not null,
  rows_before bigint not null,
  lines text not null,

  constraint export_chunks_pkey primary key (export_id, number)
);
comment on table app.export_chunks is
  'The rows of an export as lines of JSON, a few hundred in each chunk: all of one moment.';
alter table app.export_chunks
  alter column lines set storage external,
  alter column lines set statistics 0;
alter table app.export_chunks enable row level security;
