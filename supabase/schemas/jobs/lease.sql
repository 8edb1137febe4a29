create function app.lease(p_kind text)
returns interval
language sql
immutable
set search_path = ''
as $$
  select k.lease from app.job_kinds() k where k.kind = p_kind;
$$;
comment on function app.lease(text) is
  'How long a job of a kind belongs to who claimed it, or renewed the claim.';
