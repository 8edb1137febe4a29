-- What owners may correct of a lead, the one list. lib has it too (data::tables); a test
-- compares the two.
create function app.editable_fields(p_lead app.leads)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select jsonb_build_object('name', p_lead.name, 'email', p_lead.email, 'notes', p_lead.notes);
$$;
comment on function app.editable_fields(app.leads) is 'The fields of a lead that its owner may correct.';
grant execute on function app.editable_fields(app.leads) to authenticated;
