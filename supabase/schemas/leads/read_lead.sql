create function public.read_lead(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
begin
  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    -- All of the phone number's: they outlive the lead.
    'events', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'at', app.moment(e.at, v_time_zone),
            'change', e.change,
            'basis', e.basis,
            'source', e.source,
            'rule', e.rule,
            'wording', e.wording,
            'expires_at', app.moment(e.expires_at, v_time_zone)
          )
          order by e.sequence desc
        ),
        '[]'
      )
      from (
        select c.at, c.change, c.basis, c.source, c.rule, c.wording, c.expires_at, c.sequence
        from app.consent_events c
        where c.business_id = v_lead.business_id and c.phone_hmac = v_lead.phone_hmac
        order by c.sequence desc
        limit 100
      ) e
    ),
    'event_count', coalesce(
      (
        select g.length
        from app.consent_ledgers g
        where g.business_id = v_lead.business_id and g.phone_hmac = v_lead.phone_hmac
      ),
      0
    )
  );
end;
$$;
comment on function public.read_lead(jsonb) is
  'A lead (lead_id), and the evidence of consent: the newest 100 pieces.';
grant execute on function public.read_lead(jsonb) to authenticated;
