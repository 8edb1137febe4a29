-- A closure takes minutes, and hours at most for what Twilio is slow to forget.
create function app.is_overdue(p_closure app.closures)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_closure.state = 'open'
    and app.clock() > interval '1 day' + case
      when p_closure.step in ('key', 'object', 'certificate') then p_closure.purge_at
      else p_closure.requested_at
    end;
$$;
comment on function app.is_overdue(app.closures) is
  'Whether a closure should have ended its steps, or destroyed its backup, a day ago.';
