create function app.count_late(p_queue text)
returns bigint
language sql
stable
set search_path = ''
as $$
  select case p_queue
    when 'exports' then (
      select count(*)
      from app.exports e
      where e.state in ('unconfirmed', 'open') and app.is_close_to_due(e)
    )
    when 'closures' then (select count(*) from app.closures c where app.is_overdue(c))
    else 0
  end;
$$;
comment on function app.count_late(text) is
  'How much of a queue somebody should look at: exports that are close to due, closures that are overdue.';
