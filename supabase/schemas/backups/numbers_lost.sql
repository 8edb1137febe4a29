create function app.numbers_lost(p_business_id uuid, p_rows jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(r.value -> 'phone'), '[]')
  from jsonb_array_elements(p_rows) r
  left join app.sender_numbers n
    on n.phone = r.value ->> 'phone' and n.business_id = p_business_id
  where n.phone is null;
$$;
comment on function app.numbers_lost(uuid, jsonb) is
  'Which numbers, of rows that were put back, another shop has by now.';
