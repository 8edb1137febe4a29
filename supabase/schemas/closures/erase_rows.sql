create function app.erase_rows(p_closure app.closures)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_shop uuid := p_closure.business_id;
  v_table text;
  v_key text;
  v_ids uuid[];
  v_count bigint;
begin
  select array_agg(t.id) into v_ids
  from (
    select id from app.messages where business_id = v_shop order by id desc limit 2000
  ) t;
  if v_ids is not null then
    perform app.erase_texts(p_closure, v_ids);
    return true;
  end if;

  -- Each when nothing refers to it any more.
  for v_table, v_key in
    select o.name, o.key
    from (
      values (1, 'leads', 'id'), (2, 'consent_events', 'id'), (3, 'consent_ledgers', 'phone_hmac')
    ) o (place, name, key)
    order by o.place
  loop
    execute format(
      'delete from app.%1$I
       where business_id = $1
         and %2$I in (select %2$I from app.%1$I where business_id = $1 limit 5000)',
      v_table, v_key
    )
    using v_shop;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      perform app.count_erased(p_closure, v_table, v_count);
      return true;
    end if;
  end loop;

  -- Large rows, and none that anybody asks for: not worth a count.
  delete from app.export_chunks
  where (export_id, number) in (
    select c.export_id, c.number
    from app.exports e
    join app.export_chunks c on c.export_id = e.id
    where e.business_id = v_shop
    limit 200
  );
  if found then
    return true;
  end if;
  delete from app.exports where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'exports', v_count);
  return false;
end;
$$;
comment on function app.erase_rows(app.closures) is
  'Erases some rows of an account that is sealed. False when none are left but the shop''s own.';
