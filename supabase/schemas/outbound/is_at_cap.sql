create function app.is_at_cap(p_lead_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select count(*) >= 10
  from app.messages
  where lead_id = p_lead_id
    and (lead_id, id) >= (p_lead_id, app.first_id_at(app.clock() - interval '1 hour'))
    and author = 'assistant'
    and status <> 'withheld'
    and created_at > app.clock() - interval '1 hour';
$$;
comment on function app.is_at_cap(uuid) is
  'Whether the assistant has answered a lead as often as it may within an hour.';
