create function app.lead_view(p_lead app.leads, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_lead.id,
    'version', p_lead.version,
    'phone', p_lead.phone,
    'language', p_lead.language,
    'created_at', app.moment(p_lead.created_at, p_time_zone),
    'last_inbound_at', app.moment(p_lead.last_inbound_at, p_time_zone),
    'flag', p_lead.needs_owner_reason,
    'flagged_at', app.moment(p_lead.needs_owner_since, p_time_zone),
    'taken_over_at', app.moment(p_lead.taken_over_at, p_time_zone)
  ) || app.editable_fields(p_lead);
$$;
comment on function app.lead_view(app.leads, text) is 'What the console says of a lead.';
grant execute on function app.lead_view(app.leads, text) to authenticated;
