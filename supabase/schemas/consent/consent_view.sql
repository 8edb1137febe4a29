create function app.consent_view(p_lead app.leads, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'suppressed', s.reason,
    'suppressed_at', app.moment(s.since, p_time_zone),
    'response_until', app.moment(
      case
        when p_lead.last_inbound_at > app.clock() - interval '24 hours'
          then p_lead.last_inbound_at + interval '24 hours'
      end,
      p_time_zone
    ),
    'express_since', app.moment(c.express_since, p_time_zone),
    'inquiry_until', app.moment(c.inquiry_until, p_time_zone),
    'purchase_until', app.moment(c.purchase_until, p_time_zone)
  )
  from (values (true)) one
  left join app.consent_ledgers c
    on c.business_id = p_lead.business_id and c.phone_hmac = p_lead.phone_hmac
  left join lateral (
    select o.reason, o.since
    from app.sender_numbers n
    join app.suppressions o on o.sender_phone = n.phone and o.phone_hmac = p_lead.phone_hmac
    where n.business_id = p_lead.business_id
    -- An opt-out comes before what carriers say.
    order by o.reason, o.since
    limit 1
  ) s on true;
$$;
comment on function app.consent_view(app.leads, text) is
  'Whether and why a lead may be texted: what app.gate goes by.';
grant execute on function app.consent_view(app.leads, text) to authenticated;
