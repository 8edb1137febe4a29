-- Invariant: A number keeps its pace. app.paced_until counts what left in the last
-- minute and what waits, without a lock; whoever comes while others wait, waits. A job
-- that is put off for the hour or the pace has not been attempted.
--
-- Counts what left and what waits, without a lock: two that count at the same
-- moment may both go, which Twilio's own queue bears. Who comes while others
-- wait waits too, so nobody is overtaken.
create function app.paced_until(p_sender_phone text, p_is_waiting boolean)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_limit integer;
  v_sent integer;
  v_waiting integer := 0;
begin
  select texts_per_minute into v_limit from app.sender_numbers where phone = p_sender_phone;
  -- A number the shop has given up sends at the pace of any other.
  v_limit := coalesce(v_limit, 30);
  select count(*) into v_sent
  from app.messages
  where sender_phone = p_sender_phone
    and attempted_at > app.clock() - interval '1 minute';
  if p_is_waiting and v_sent < v_limit then
    return null;
  end if;

  -- Twenty minutes' worth is as far as anybody is put off at once.
  select count(*) into v_waiting
  from (
    select
    from app.messages
    where direction = 'outbound'
      and sender_phone = p_sender_phone
      and attempted_at is null
      and status = 'pending'
    limit v_limit * 20
  ) waiting;
  if v_sent + v_waiting < v_limit then
    return null;
  end if;
  return app.clock() + interval '1 minute' * (1 + v_waiting / v_limit);
end;
$$;
comment on function app.paced_until(text, boolean) is
  'When a number may send its next text: null if now. A text that is waiting already does not wait for itself.';
