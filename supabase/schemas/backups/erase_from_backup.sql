create function public.erase_from_backup(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure
  from app.closures
  where id = (request ->> 'closure_id')::uuid
  for no key update;
  if not found or v_closure.wrapped_key is null then
    perform app.refuse('not_found', 'there is no such closure, or it has no backup any more');
  end if;
  insert into app.erased_leads (closure_id, phone_hmac)
  values (v_closure.id, decode(request ->> 'phone_hmac', 'hex'))
  on conflict do nothing;
  if found then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'operator', 'lead_erased_from_backup', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'erased', 'purge_at', v_closure.purge_at);
end;
$$;
comment on function public.erase_from_backup(jsonb) is
  'Has a person (phone_hmac) stay erased when a closed account (closure_id) is restored. Nobody is told whether the backup has them: it is sealed.';
grant execute on function public.erase_from_backup(jsonb) to service_role;
