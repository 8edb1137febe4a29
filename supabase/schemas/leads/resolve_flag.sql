create function public.resolve_flag(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_was_flagged boolean;
begin
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  v_was_flagged := found;
  if v_was_flagged then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_lead.business_id, 'owner', 'flag_resolved', v_lead.id);
  end if;
  return jsonb_build_object('was_flagged', v_was_flagged);
end;
$$;
comment on function public.resolve_flag(jsonb) is 'Takes a lead (lead_id) off the owner''s list.';
grant execute on function public.resolve_flag(jsonb) to service_role;
