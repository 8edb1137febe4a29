-- The lease is longer than the slowest holder needs for its calls (see the deadlines in
-- lib): an expired one means a dead holder. Who has no attempts to use up is never given
-- up: what an owner asked for is owed.
create function app.job_kinds()
returns table (
  kind text, queue text, lease interval, longest_wait interval, most_attempts integer
)
language sql
immutable
set search_path = ''
as $$
  values
    ('reply', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('send', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('redact', 'texts', interval '60 seconds', interval '15 minutes', 12),
    ('media', 'texts', interval '60 seconds', interval '15 minutes', 12),
    -- The longest step, the snapshot, takes two minutes.
    ('export', 'exports', interval '3 minutes', interval '15 minutes', null::integer),
    -- The longest step, the seal, takes minutes.
    ('closure', 'closures', interval '15 minutes', interval '1 hour', null);
$$;
comment on function app.job_kinds() is
  'What can be owed, a closed list: who asks for it (queue), how long a claim lasts, how long at most one waits that failed, and after how many attempts it is given up.';
