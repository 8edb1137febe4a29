create function app.lead_of_owner(request jsonb)
returns app.leads
language plpgsql
stable
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_lead app.leads;
begin
  select l.* into v_lead
  from app.leads l
  join app.businesses b on b.id = l.business_id
  where b.owner_id = v_owner_id
    and l.id = (request ->> 'lead_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  return v_lead;
end;
$$;
comment on function app.lead_of_owner(jsonb) is
  'A lead (lead_id) of the session''s owner; refuses the call if there is none.';
