-- Each object is deleted by itself, and erasing a person twice is erasing them once.

alter table app.object_deletions
  add column run_at timestamptz not null default app.clock(),
  add column attempts integer not null default 0;
comment on column app.object_deletions.run_at is
  'From when it is to be tried: one that Storage refuses keeps no other back.';
create index object_deletions_due_idx on app.object_deletions (run_at);

create or replace function public.objects_deleted(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with deleted as (
    delete from app.object_deletions d
    using jsonb_to_recordset(request -> 'objects') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  ),
  put_off as (
    update app.object_deletions d
    set run_at = app.clock() + app.wait_after('closure', d.attempts + 1),
        attempts = d.attempts + 1
    from jsonb_to_recordset(request -> 'put_off') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  )
  select jsonb_build_object(
    'deleted', (select count(*) from deleted), 'put_off', (select count(*) from put_off)
  );
$$;
comment on function public.objects_deleted(jsonb) is 'Records which objects are deleted, and which are to be tried again later (put_off).';
grant execute on function public.objects_deleted(jsonb) to service_role;

create or replace function public.objects_to_delete(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'objects', coalesce(jsonb_agg(jsonb_build_object('bucket', o.bucket, 'path', o.path)), '[]')
  )
  from (
    select d.bucket, d.path
    from (select request) r
    join app.object_deletions d on d.run_at <= app.clock()
    order by d.run_at
    limit 100
  ) o;
$$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted now, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;

create or replace function app.was_erased(request jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.businesses b
    join app.audit_events a on a.business_id = b.id
    where b.owner_id = app.require_session(request -> 'session')
      and a.action = 'lead_erased'
      and a.subject_id = (request ->> 'lead_id')::uuid
  );
$$;
comment on function app.was_erased(jsonb) is
  'Whether a lead (lead_id) of the session''s owner is erased already.';

-- What stays names nobody: that the number must not be texted (suppressions) and
-- what was agreed (the ledger), both under a keyed hash, and that this was done.
create or replace function public.erase_lead(request jsonb)
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
