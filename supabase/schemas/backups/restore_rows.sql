create function public.restore_rows(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_closure app.closures := app.hold_restore(request);
  v_table text := request ->> 'table';
  v_rows jsonb := ('[' || replace(request ->> 'lines', e'\n', ',') || ']')::jsonb;
  v_kept jsonb;
  v_present bigint;
begin
  if not exists (select from app.backup_tables() where name = v_table) then
    perform app.refuse('malformed', 'no backup has this table');
  elsif v_table = 'businesses' then
    -- In one transaction with the shop, by which whatever is given up is found.
    perform app.restore_owner((request ->> 'owner')::jsonb);
  end if;

  select coalesce(jsonb_agg(k.restored order by k.place), '[]')
  into v_kept
  from (
    select app.row_to_restore(v_closure, v_table, r.value) as restored, r.ordinality as place
    from jsonb_array_elements(v_rows) with ordinality r
  ) k
  where k.restored is not null;

  v_present := app.put_rows_back(v_table, v_kept);
  return jsonb_build_object(
    'present', v_present,
    'left_out', jsonb_array_length(v_rows) - jsonb_array_length(v_kept),
    'numbers_lost', case v_table
      when 'sender_numbers' then app.numbers_lost(v_closure.business_id, v_kept) else '[]'
    end,
    'pictures', case v_table when 'media' then app.pictures_to_restore(v_kept) else '[]' end
  );
end;
$$;
comment on function public.restore_rows(jsonb) is
  'Puts rows of a backup back (closure_id, table, lines of JSON; with the shop its owner), those that are not there. Returns how many of them are there now (present), how many must not be (left_out), which numbers another shop has by now (numbers_lost), and which pictures belong to the rows. contact_taken: another user has the owner''s e-mail address.';
grant execute on function public.restore_rows(jsonb) to service_role;
