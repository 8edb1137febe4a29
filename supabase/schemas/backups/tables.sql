-- As exports have them: unlogged, so in no backup of the database and on no replica.
create unlogged table app.backup_chunks (
  snapshot_id uuid not null,
  number integer not null,
  business_id uuid not null references app.businesses (id) on delete cascade,
  file text not null,
  rows integer not null,
  lines text not null,

  constraint backup_chunks_pkey primary key (snapshot_id, number)
);
comment on table app.backup_chunks is
  'The rows of an account as lines of JSON, all of one moment, for as long as a backup is made of them.';
create index backup_chunks_business_id_idx on app.backup_chunks (business_id);
alter table app.backup_chunks
  alter column lines set storage external,
  alter column lines set statistics 0;
alter table app.backup_chunks enable row level security;
