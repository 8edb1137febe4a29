create function app.own_lead(request jsonb)
returns app.leads
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads;
begin
  select l.* into v_lead from app.leads l where l.id = (request ->> 'lead_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  return v_lead;
end;
$$;
comment on function app.own_lead(jsonb) is
  'A lead (lead_id) that row level security lets the caller see; refuses the call if there is none.';
grant execute on function app.own_lead(jsonb) to authenticated;
