-- Invariant: A list costs a page. It is read from an index in the list's order, one row
-- more than is shown, and goes on after an id or a time: never after a name or a number,
-- which have no place in a URL. Which text is a conversation's newest is in
-- app.conversations, kept by a trigger under the lead's lock.
--
-- Read from an index in the list's order, one row more than a page has.
create function app.conversation_page(
  p_business_id uuid, p_filter text, p_before_id uuid, p_before timestamptz,
  out leads uuid[], out cursors text[]
)
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_filter = 'all' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into leads, cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = p_business_id and c.last_message_id < p_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif p_filter = 'unanswered' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into leads, cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = p_business_id and c.is_unanswered and c.last_message_id < p_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif p_filter = 'flagged' then
    select array_agg(p.id order by p.needs_owner_since desc, p.id desc),
      array_agg(app.time_cursor(p.needs_owner_since, p.id) order by p.needs_owner_since desc, p.id desc)
    into leads, cursors
    from (
      select l.id, l.needs_owner_since
      from app.leads l
      where l.business_id = p_business_id
        and l.needs_owner_since is not null
        and (l.needs_owner_since, l.id) < (p_before, p_before_id)
      order by l.needs_owner_since desc, l.id desc
      limit 101
    ) p;
  elsif p_filter = 'opted_out' then
    select array_agg(p.lead_id order by p.suppressed_at desc, p.lead_id desc),
      array_agg(
        app.time_cursor(p.suppressed_at, p.lead_id) order by p.suppressed_at desc, p.lead_id desc
      )
    into leads, cursors
    from (
      select c.lead_id, c.suppressed_at
      from app.conversations c
      where c.business_id = p_business_id
        and c.suppressed_at is not null
        and (c.suppressed_at, c.lead_id) < (p_before, p_before_id)
      order by c.suppressed_at desc, c.lead_id desc
      limit 101
    ) p;
  else
    perform app.refuse('malformed', 'there is no such filter');
  end if;
end;
$$;
comment on function app.conversation_page(uuid, text, uuid, timestamptz) is
  'The leads of a page of conversations by filter, the newest first, and from where the list goes on after each.';
grant execute on function app.conversation_page(uuid, text, uuid, timestamptz) to authenticated;
