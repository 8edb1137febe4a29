create function app.ledger_time(p_time timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$$;
comment on function app.ledger_time(timestamptz) is 'A time as the chain and the export write it: UTC, microseconds.';
grant execute on function app.ledger_time(timestamptz) to authenticated;
