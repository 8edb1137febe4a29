create function app.conversation_lines(p_business_id uuid, p_leads uuid[], p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'lead', l.id,
      'name', l.name,
      'phone', l.phone,
      'last_text', case
        when m.id is not null then jsonb_build_object(
          'author', m.author,
          'body', left(m.body, 160),
          'is_cut', char_length(m.body) > 160,
          'media_count', m.media_count,
          'at', app.moment(m.created_at, p_time_zone),
          'status', m.status
        )
      end,
      'flag', l.needs_owner_reason,
      'flagged_at', app.moment(l.needs_owner_since, p_time_zone),
      'is_unanswered', coalesce(c.is_unanswered, false),
      'assistant_answers', l.taken_over_at is null,
      'suppressed', o.reason
    )
    order by t.place
  ), '[]')
  from unnest(p_leads) with ordinality t (lead_id, place)
  join app.leads l on l.id = t.lead_id
  left join app.conversations c on c.lead_id = l.id
  left join app.messages m on m.id = c.last_message_id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = p_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;
$$;
comment on function app.conversation_lines(uuid, uuid[], text) is
  'What the list of conversations says of each lead, in the order of the leads.';
grant execute on function app.conversation_lines(uuid, uuid[], text) to authenticated;
