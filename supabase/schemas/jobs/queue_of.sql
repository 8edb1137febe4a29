create function app.queue_of(p_kind text)
returns text
language sql
immutable
set search_path = ''
as $$
  select k.queue from app.job_kinds() k where k.kind = p_kind;
$$;
comment on function app.queue_of(text) is 'The queue that jobs of a kind are in.';
