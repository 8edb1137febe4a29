create table app.retention_runs (
  id uuid primary key default app.uuid_v7(),
  started_at timestamptz not null default app.clock(),
  finished_at timestamptz,
  is_complete boolean not null default false,
  purged jsonb not null default '{}',

  constraint complete_is_finished check (finished_at is not null or not is_complete),
  constraint purged_is_an_object check (jsonb_typeof(purged) = 'object')
);
comment on table app.retention_runs is
  'What cron/retention deleted, run by run: how many rows of each kind, and no more of them.';
comment on column app.retention_runs.finished_at is 'Null while it runs, and for good if it was cut off.';
comment on column app.retention_runs.is_complete is 'Whether nothing was left to do.';
alter table app.retention_runs enable row level security;
