create table app.jobs (
  id uuid primary key default app.uuid_v7(),
  kind text not null,
  message_id uuid references app.messages (id),
  state text not null default 'open',
  run_at timestamptz not null default app.clock(),
  attempts integer not null default 0,
  fencing_token bigint not null default 0,
  outcome text,
  created_at timestamptz not null default app.clock(),
  finished_at timestamptz,
  export_id uuid references app.exports (id) on delete cascade,
  closure_id uuid references app.closures (id),
  last_fault text,
  queue text not null generated always as (app.queue_of(kind)) stored,

  constraint jobs_kind_message_id_key unique (kind, message_id),
  constraint state_is_known check (state in ('open', 'done', 'dead')),
  constraint finished_when_not_open check ((state = 'open') = (finished_at is null)),
  constraint is_about_one check (
    num_nonnulls(message_id, export_id, closure_id) = 1
    and (export_id is not null) = (kind = 'export')
    and (closure_id is not null) = (kind = 'closure')
  ),
  constraint fault_is_short check (char_length(last_fault) <= 100)
);
comment on table app.jobs is
  'What is owed. Whoever finds a job open and due may claim it, for the length of a lease; it is done when its row says so.';
comment on column app.jobs.message_id is
  'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';
comment on column app.jobs.run_at is
  'From when the job may be claimed. Claiming, and each step of a job of several, moves it to the end of the lease.';
comment on column app.jobs.fencing_token is
  'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
comment on column app.jobs.attempts is
  'How often in a row it was claimed and not done. A step that is done begins it anew; what comes before its time is not counted.';
comment on column app.jobs.last_fault is 'Why it was left for later.';
comment on column app.jobs.queue is 'Who asks for it: whoever claims does so from one queue.';
create index jobs_due_idx on app.jobs (queue, run_at) where state = 'open';
create unique index jobs_export_id_key on app.jobs (export_id) where export_id is not null;
create unique index jobs_closure_id_key on app.jobs (closure_id) where closure_id is not null;
create index jobs_message_id_idx on app.jobs (message_id);
create index jobs_dead_idx on app.jobs (id) where state = 'dead';
alter table app.jobs
  set (autovacuum_vacuum_scale_factor = 0.02);
alter table app.jobs enable row level security;
