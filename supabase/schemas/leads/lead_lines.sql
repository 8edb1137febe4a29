create function app.lead_lines(p_business_id uuid, p_leads uuid[], p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'id', l.id,
      'phone', l.phone,
      'name', l.name,
      'email', l.email,
      'created_at', app.moment(l.created_at, p_time_zone),
      'last_inbound_at', app.moment(l.last_inbound_at, p_time_zone),
      'suppressed', o.reason
    )
    order by t.place
  ), '[]')
  from unnest(p_leads) with ordinality t (id, place)
  join app.leads l on l.id = t.id
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
comment on function app.lead_lines(uuid, uuid[], text) is
  'What the list of leads says of each, in the order of the leads.';
grant execute on function app.lead_lines(uuid, uuid[], text) to authenticated;
