-- Read from an index in the list's order, one row more than a page has.
create function app.lead_page(p_business_id uuid, p_search jsonb, p_before text)
returns uuid[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := lower(p_search ->> 'name');
  v_phone text := p_search ->> 'phone';
  v_before_id uuid := app.cursor_id(p_before);
  v_last app.leads;
  v_ids uuid[];
begin
  if p_before is not null then
    select l.* into v_last
    from app.leads l
    where l.id = v_before_id and l.business_id = p_business_id;
  end if;

  if v_phone is not null then
    select array_agg(p.id order by p.phone) into v_ids
    from (
      select l.id, l.phone
      from app.leads l
      where l.business_id = p_business_id
        and l.phone >= v_phone
        -- Digits sort alike in every language; what comes after them does not.
        and l.phone <= v_phone || repeat('9', 20)
        and l.phone > coalesce(v_last.phone::text, '')
      order by l.phone
      limit 101
    ) p;
  elsif v_name is not null then
    select array_agg(p.id order by p.name_key, p.id) into v_ids
    from (
      select l.id, l.name_key
      from app.leads l
      where l.business_id = p_business_id
        and l.name_key is not null
        and l.name_key >= v_name collate "C"
        and l.name_key < (v_name || chr(1114111)) collate "C"
        and (l.name_key, l.id) > (
          coalesce(v_last.name_key, '') collate "C",
          coalesce(v_last.id, '00000000-0000-0000-0000-000000000000')
        )
      order by l.name_key, l.id
      limit 101
    ) p;
  else
    select array_agg(p.id order by p.id desc) into v_ids
    from (
      select l.id
      from app.leads l
      where l.business_id = p_business_id and l.id < v_before_id
      order by l.id desc
      limit 101
    ) p;
  end if;
  return v_ids;
end;
$$;
comment on function app.lead_page(uuid, jsonb, text) is
  'The leads of a page: those whose name or phone number begins like search.name or search.phone, in that order; without one all, the newest first.';
grant execute on function app.lead_page(uuid, jsonb, text) to authenticated;
