-- The closure, locked, if its account can be restored now. Keeps the step that
-- destroys the key from being claimed while somebody is at it.
create function app.hold_restore(request jsonb)
returns app.closures
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found then
    perform app.refuse('not_found', 'there is no such closure');
  elsif v_closure.restored_at is not null then
    perform app.refuse('already_restored', 'the account is restored');
  elsif v_closure.wrapped_key is null and v_closure.sealed_at is not null
    or v_closure.purge_at <= app.clock()
  then
    perform app.refuse('backup_gone', 'the backup is past its time');
  elsif v_closure.step not in ('twilio', 'key') then
    perform app.refuse('still_closing', 'the account is still being closed');
  end if;
  if v_closure.step = 'key' then
    update app.jobs
    set run_at = greatest(run_at, app.clock() + app.lease('closure'))
    where closure_id = v_closure.id;
  end if;
  return v_closure;
end;
$$;
comment on function app.hold_restore(jsonb) is
  'The closure closure_id, locked, whose account can be restored; refuses the call otherwise.';
