-- What stays names nobody: that the number must not be texted (suppressions) and
-- what was agreed (the ledger), both under a keyed hash, and that this was done.
create function public.erase_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads;
  v_texts bigint;
begin
  -- The answer to the call before got lost: done is done.
  if not exists (select from app.leads where id = (request ->> 'lead_id')::uuid)
    and app.was_erased(request)
  then
    return jsonb_build_object('outcome', 'erased', 'texts', 0);
  end if;
  v_lead := app.lead_of_owner(request);
  -- In the order job, lead, message.
  perform
  from app.jobs j
  where j.message_id in (select m.id from app.messages m where m.lead_id = v_lead.id)
  order by j.id
  for update;
  perform from app.leads where id = v_lead.id for update;

  -- Again, for what came before the lead was locked: whoever makes a job holds it.
  delete from app.jobs j
  using app.messages m
  where m.id = j.message_id and m.lead_id = v_lead.id;
  delete from app.status_events s
  using app.messages m
  where m.id = s.message_id and m.lead_id = v_lead.id;
  with gone as (
    delete from app.media p
    using app.messages m
    where m.id = p.message_id and m.lead_id = v_lead.id
    returning p.storage_path
  )
  insert into app.object_deletions (bucket, path)
  select 'media', storage_path
  from gone
  on conflict do nothing;
  delete from app.messages where lead_id = v_lead.id;
  get diagnostics v_texts = row_count;
  update app.consent_events
  set wording = null, wording_salt = null
  where business_id = v_lead.business_id
    and phone_hmac = v_lead.phone_hmac
    and wording is not null;
  delete from app.leads where id = v_lead.id;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'lead_erased', v_lead.id);
  return jsonb_build_object('outcome', 'erased', 'texts', v_texts);
end;
$$;
comment on function public.erase_lead(jsonb) is
  'Erases one person (lead_id) of the session''s owner: the texts, what is known of them, their wording in the ledger. Suppressions and the ledger stay, under a keyed hash.';
grant execute on function public.erase_lead(jsonb) to service_role;
