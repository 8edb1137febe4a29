create table app.jobs (
  id uuid primary key default app.uuid_v7(),
  kind text not null,
  message_id uuid not null references app.messages (id),
  state text not null default 'open',
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,
  fencing_token bigint not null default 0,
  outcome text,
  created_at timestamptz not null default app.clock(),
  finished_at timestamptz,

  constraint jobs_kind_message_id_key unique (kind, message_id),
  constraint state_is_known check (state in ('open', 'done', 'dead')),
  constraint finished_when_not_open check ((state = 'open') = (finished_at is null)),
  constraint kind_is_known check (kind in ('reply', 'send', 'redact', 'media'))
);
comment on table app.jobs is
  'Obligations. Whoever finds one open and due may claim it; it is done when a row says so.';
comment on column app.jobs.message_id is
  'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';
comment on column app.jobs.run_at is
  'From when the job may be claimed. Claiming moves it to the end of the lease.';
comment on column app.jobs.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
create index jobs_due_idx on app.jobs (run_at) where state = 'open';
create index jobs_message_id_idx on app.jobs (message_id);
create index jobs_dead_idx on app.jobs (id) where state = 'dead';
alter table app.jobs
  set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.jobs enable row level security;
