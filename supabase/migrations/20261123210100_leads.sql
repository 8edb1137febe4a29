-- One person's data: shown to them, or erased, when they ask the shop for it.

create table app.object_deletions (
  bucket text not null,
  path text not null,
  created_at timestamptz not null default app.clock(),

  constraint object_deletions_pkey primary key (bucket, path)
);
comment on table app.object_deletions is
  'Objects in Storage that are to be deleted: what they belonged to is gone already.';
alter table app.object_deletions enable row level security;

create function public.objects_to_delete(request jsonb)
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
    cross join app.object_deletions d
    order by d.created_at
    limit 100
  ) o;
$$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;

create function public.objects_deleted(request jsonb)
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
  )
  select jsonb_build_object('deleted', (select count(*) from deleted));
$$;
comment on function public.objects_deleted(jsonb) is 'Records that objects are deleted.';
grant execute on function public.objects_deleted(jsonb) to service_role;

create function app.lead_of_owner(request jsonb)
returns app.leads
language plpgsql
stable
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_lead app.leads;
begin
  select l.* into v_lead
  from app.leads l
  join app.businesses b on b.id = l.business_id
  where b.owner_id = v_owner_id
    and l.id = (request ->> 'lead_id')::uuid;
  if not found then
    raise sqlstate 'PT404' using message = 'the owner has no such lead';
  end if;
  return v_lead;
end;
$$;
comment on function app.lead_of_owner(jsonb) is
  'A lead (lead_id) of the session''s owner; refuses the call if there is none.';

create function public.export_lead(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
begin
  return jsonb_build_object(
    'format', 'leadslock lead export 1',
    'made_at', app.clock(),
    'person', (
      select to_jsonb(p)
      from (
        select v_lead.id, v_lead.phone, v_lead.name, v_lead.email, v_lead.notes, v_lead.language,
          v_lead.created_at, v_lead.last_inbound_at
      ) p
    ),
    'consent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'at', e.at, 'change', e.change, 'basis', e.basis, 'source', e.source,
            'wording', e.wording, 'message_id', e.message_id, 'expires_at', e.expires_at
          )
          order by e.sequence
        ),
        '[]'
      )
      from app.consent_events e
      where e.business_id = v_lead.business_id and e.phone_hmac = v_lead.phone_hmac
    ),
    'suppressed', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('sender_phone', s.sender_phone, 'reason', s.reason, 'since', s.since)
          order by s.sender_phone
        ),
        '[]'
      )
      from app.sender_numbers n
      join app.suppressions s on s.sender_phone = n.phone
      where n.business_id = v_lead.business_id and s.phone_hmac = v_lead.phone_hmac
    ),
    'texts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', t.id, 'at', t.created_at, 'direction', t.direction, 'author', t.author,
            'body', t.body, 'legal_basis', t.legal_basis, 'status', t.status,
            'pictures', (
              select count(*) from app.media p where p.message_id = t.id and p.state = 'stored'
            )
          )
          order by t.id
        ),
        '[]'
      )
      from (
        select *
        from app.messages m
        where m.lead_id = v_lead.id
          and m.id > coalesce((request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000')
        order by m.id
        limit 200
      ) t
    )
  );
end;
$$;
comment on function public.export_lead(jsonb) is
  'Everything about one person (lead_id) for the session''s owner to hand over, with 200 texts after texts_after.';
grant execute on function public.export_lead(jsonb) to service_role;

-- What stays names nobody: that the number must not be texted (suppressions) and
-- what was agreed (the ledger), both under a keyed hash, and that this was done.
create function public.erase_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_texts bigint;
begin
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
