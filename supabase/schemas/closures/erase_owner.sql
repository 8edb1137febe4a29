-- By SQL and not by Auth's API: that would write the address into Auth's audit
-- log once more, after everything else is gone.
create function app.erase_owner(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_id text := p_closure.owner_id::text;
  v_email text;
  v_entries bigint;
  v_users bigint;
begin
  select lower(u.email) into v_email from auth.users u where u.id = p_closure.owner_id;
  delete from auth.audit_log_entries
  where strpos(payload::text, v_id) > 0
    or (v_email <> '' and strpos(lower(payload::text), v_email) > 0);
  get diagnostics v_entries = row_count;
  delete from auth.flow_state where user_id = p_closure.owner_id;
  delete from auth.refresh_tokens where user_id::text = v_id;
  -- Sessions, identities, factors and one-time tokens go with it.
  delete from auth.users where id = p_closure.owner_id;
  get diagnostics v_users = row_count;
  return jsonb_build_object('users', v_users, 'audit_log_entries', v_entries);
end;
$$;
comment on function app.erase_owner(app.closures) is
  'Erases an owner from Supabase Auth, its audit log included. Returns how much.';
