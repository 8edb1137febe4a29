create table app.refusals (
  day date not null,
  function text not null,
  reason text not null,
  count bigint not null,

  constraint refusals_pkey primary key (day, function, reason),
  constraint function_is_short check (char_length(function) between 1 and 100),
  constraint reason_is_short check (char_length(reason) between 1 and 100)
);
comment on table app.refusals is
  'How many requests were refused, by day (UTC), function and reason. Written in sums: the logs have each one.';
alter table app.refusals enable row level security;

create table app.rate_limits (
  kind text not null,
  subject bytea not null,
  full_until timestamptz not null,
  primary key (kind, subject),

  constraint kind_is_short check (char_length(kind) between 1 and 40),
  constraint subject_is_sha256 check (octet_length(subject) = 32)
);
comment on table app.rate_limits is
  'Who has done something lately, by a keyed hash. A row that is past its time is as good as none.';
comment on column app.rate_limits.full_until is
  'When all that was taken has leaked out of the bucket: each taking moves it on by its share.';
create index rate_limits_full_until_idx on app.rate_limits (full_until);
alter table app.rate_limits enable row level security;
