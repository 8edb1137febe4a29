create function app.flag_for_owner(p_lead_id uuid, p_reason text)
returns void
language sql
set search_path = ''
as $$
  update app.leads
  set needs_owner_since = coalesce(needs_owner_since, app.clock()), needs_owner_reason = p_reason
  where id = p_lead_id;
$$;
comment on function app.flag_for_owner(uuid, text) is 'Puts a lead on the owner''s list. The newest reason shows.';
