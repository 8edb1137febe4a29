-- Invariant: Statuses only rise. app.status_rank is total; of two reports with one
-- status the higher error code stays. Any order and number of callbacks ends in one
-- state.
--
-- Ties cannot be: two statuses of one rank never both come from Twilio.
create function app.status_rank(p_status text)
returns integer
language sql
immutable
set search_path = ''
as $$
  select case p_status
    when 'withheld' then 0
    when 'pending' then 0
    when 'accepted' then 1
    when 'scheduled' then 2
    when 'queued' then 3
    when 'sending' then 4
    when 'sent' then 5
    when 'canceled' then 6
    when 'failed' then 7
    when 'undelivered' then 8
    when 'delivered' then 9
    when 'read' then 10
  end;
$$;
comment on function app.status_rank(text) is
  'A message only ever moves to a status of a higher rank, so callbacks may come in any order.';
