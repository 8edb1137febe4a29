create function app.mask_joined(p_lead_id uuid, p_joined jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_joined_id uuid;
  v_work jsonb := '[]';
begin
  for v_joined_id in
    update app.messages m
    set body = j.masked_body, masked_count = m.masked_count + 1
    from jsonb_to_recordset(p_joined) j (message_id uuid, masked_body text)
    where m.id = j.message_id and m.lead_id = p_lead_id and m.direction = 'inbound'
    returning m.id
  loop
    v_work := v_work || coalesce(app.owe_redaction(v_joined_id), '[]');
  end loop;
  return v_work;
end;
$$;
comment on function app.mask_joined(uuid, jsonb) is
  'Masks the parts of a number that the text just stored would complete, and returns what is owed for it.';
