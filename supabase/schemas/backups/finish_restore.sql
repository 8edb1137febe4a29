create function public.finish_restore(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
set statement_timeout = '120s'
as $$
declare
  v_closure app.closures;
  v_table record;
  v_count bigint;
  v_left_out bigint;
  v_withdrawn integer;
begin
  perform
  from app.businesses
  where id = (
    select business_id from app.closures where id = (request ->> 'closure_id')::uuid
  )
  for no key update;
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid and restored_at is not null;
  if found then
    -- The answer to the call before got lost.
    return jsonb_build_object('outcome', 'restored');
  end if;
  v_closure := app.hold_restore(request);

  -- Counted anew, by what the backup was made with. A late callback of Twilio's may
  -- have added to them.
  for v_table in select * from app.backup_tables() order by place loop
    execute format('select count(*) from (select from %s) c', v_table.source)
    into v_count
    using v_closure.business_id;
    v_left_out := coalesce((request -> 'left_out' ->> v_table.name)::bigint, 0);
    if v_count + v_left_out < coalesce((v_closure.counts ->> v_table.name)::bigint, 0) then
      perform app.refuse('rows_missing', 'rows are missing');
    end if;
  end loop;

  v_withdrawn := app.withdraw_suppressed(
    v_closure.business_id, coalesce(request -> 'numbers_lost', '[]')
  );
  update app.businesses set state = 'active' where id = v_closure.business_id;
  -- The key is gone with this; object and certificate follow at once.
  update app.closures
  set restored_at = app.clock(),
      wrapped_key = null,
      purge_at = app.clock()
  where id = v_closure.id;
  update app.jobs set run_at = app.clock() where closure_id = v_closure.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'operator', 'account_restored', v_closure.id);
  return jsonb_build_object('outcome', 'restored', 'opted_out_meanwhile', v_withdrawn);
end;
$$;
comment on function public.finish_restore(jsonb) is
  'Opens a restored shop again (closure_id), if all rows of its backup are there but those left_out (by table, numbers_lost among them), and destroys the backup''s key. rows_missing: not all rows are there.';
grant execute on function public.finish_restore(jsonb) to service_role;
