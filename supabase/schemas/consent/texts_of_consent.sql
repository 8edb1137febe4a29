create function app.texts_of_consent(p_lead_id uuid, p_after text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'id', t.id,
        'at', app.ledger_time(t.created_at),
        'direction', t.direction,
        'author', t.author,
        'legal_basis', t.legal_basis,
        'in_reply_to', t.in_reply_to,
        'status', t.status,
        'body', t.body
      )
      order by t.id
    ),
    '[]'
  )
  from (
    select *
    from app.messages m
    where m.lead_id = p_lead_id
      and m.id > coalesce(p_after::uuid, '00000000-0000-0000-0000-000000000000')
    order by m.id
    limit 200
  ) t;
$$;
comment on function app.texts_of_consent(uuid, text) is
  'The next 200 texts with a lead, each with why it was lawful.';
