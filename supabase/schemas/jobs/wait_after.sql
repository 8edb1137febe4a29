-- Doubling from 10 seconds, with jitter so that what failed together does not come
-- back together.
create function app.wait_after(p_kind text, p_attempts integer)
returns interval
language sql
volatile
set search_path = ''
as $$
  select least(k.longest_wait, interval '10 seconds' * power(2, least(p_attempts, 20) - 1))
    * (0.5 + pg_catalog.random() / 2)
  from app.job_kinds() k
  where k.kind = p_kind;
$$;
comment on function app.wait_after(text, integer) is
  'How long a job of a kind waits after so many attempts.';
