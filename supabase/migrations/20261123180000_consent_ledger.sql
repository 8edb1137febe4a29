-- The consent ledger: for each shop and phone number a chain of evidence that
-- shows when it was changed, and what it amounts to today.
--
-- Evidence outlives what it is about. A lead or an account may be erased; that
-- somebody agreed or said stop must still be provable (CASL, s. 13: the sender
-- has the burden of proof). So an event refers to its lead, text and shop by id
-- without holding them, knows the phone number as a keyed hash, and its wording
-- can be taken out without breaking the chain.

alter table app.consent_events
  drop constraint consent_events_business_id_fkey,
  drop constraint consent_events_lead_id_fkey,
  drop constraint consent_events_message_id_fkey,
  add column phone_hmac bytea,
  add column sequence integer,
  add column wording_salt bytea,
  add column wording_digest bytea,
  add column previous_hash bytea,
  add column hash bytea,
  drop constraint source_is_known,
  add constraint source_is_known check (source in ('text', 'provider', 'owner')),
  add constraint rule_is_one_line check (rule !~ '[\n\r]'),
  add constraint expiry_fits_basis check ((expires_at is null) = (basis is null or basis = 'express'));
drop index app.consent_events_message_id_idx;
drop index app.consent_events_business_id_idx;
comment on column app.consent_events.sequence is 'The place in its chain, from 1.';
comment on column app.consent_events.wording_digest is
  'SHA-256 of salt and wording. The chain covers it, so the wording can be erased and the chain stays whole.';
comment on column app.consent_events.hash is 'What app.consent_hash says of the row; the next row holds it too.';

create table app.consent_ledgers (
  business_id uuid not null,
  phone_hmac bytea not null,
  length integer not null,
  head bytea not null,
  express_since timestamptz,
  inquiry_until timestamptz,
  purchase_until timestamptz,

  constraint consent_ledgers_pkey primary key (business_id, phone_hmac),
  constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  constraint head_is_sha256 check (octet_length(head) = 32)
);
comment on table app.consent_ledgers is
  'What the evidence of one shop and phone number amounts to, and where its chain ends. The gate reads this row only.';
comment on column app.consent_ledgers.express_since is 'Since when consent is express; it has no end but a withdrawal.';
comment on column app.consent_ledgers.inquiry_until is 'The end of what an inquiry implies: 6 months (CASL, s. 10(10)(e)).';
comment on column app.consent_ledgers.purchase_until is 'The end of what a purchase implies: 2 years (CASL, s. 10(10)(a)).';
alter table app.consent_ledgers enable row level security;

create function app.ledger_time(p_time timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$$;
comment on function app.ledger_time(timestamptz) is 'A time as the chain and the export write it: UTC, microseconds.';

-- Lines that name what is hashed are left out on purpose: the order below is
-- the format, and its number is in the first line. Documented in
-- docs/consent-ledger.md, so that anybody can check an export without us.
create function app.consent_hash(p_event app.consent_events)
returns bytea
language sql
stable
set search_path = ''
as $$
  select sha256(
    convert_to(
      concat_ws(
        e'\n',
        'leadslock consent event 1',
        p_event.id,
        p_event.business_id,
        encode(p_event.phone_hmac, 'hex'),
        p_event.sequence,
        p_event.lead_id,
        coalesce(p_event.message_id::text, '-'),
        p_event.change,
        coalesce(p_event.basis, '-'),
        p_event.source,
        coalesce(p_event.rule, '-'),
        coalesce(encode(p_event.wording_digest, 'hex'), '-'),
        app.ledger_time(p_event.at),
        coalesce(app.ledger_time(p_event.expires_at), '-'),
        encode(p_event.previous_hash, 'hex')
      ),
      'UTF8'
    )
  );
$$;
comment on function app.consent_hash(app.consent_events) is
  'The link of the chain that a row of evidence makes: SHA-256 over its fields and the link before.';

-- Adds a row to the end of its chain and to what the chain amounts to. The
-- caller holds the lead's lock, so the chain has one writer.
create function app.append_consent(p_event app.consent_events)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_event app.consent_events := p_event;
  v_ledger app.consent_ledgers;
begin
  insert into app.consent_ledgers as l (business_id, phone_hmac, length, head)
  values (v_event.business_id, v_event.phone_hmac, 1, decode(repeat('00', 32), 'hex'))
  on conflict (business_id, phone_hmac) do update set length = l.length + 1
  returning * into v_ledger;

  v_event.sequence := v_ledger.length;
  v_event.previous_hash := v_ledger.head;
  if v_event.wording is not null then
    v_event.wording_salt := uuid_send(gen_random_uuid());
    v_event.wording_digest := sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'));
  end if;
  v_event.hash := app.consent_hash(v_event);
  insert into app.consent_events values (v_event.*);

  update app.consent_ledgers
  set head = v_event.hash,
      express_since = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'express' then coalesce(express_since, v_event.at)
        else express_since
      end,
      inquiry_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_inquiry' then greatest(inquiry_until, v_event.expires_at)
        else inquiry_until
      end,
      purchase_until = case
        when v_event.change = 'withdrawn' then null
        when v_event.basis = 'implied_purchase' then greatest(purchase_until, v_event.expires_at)
        else purchase_until
      end
  where business_id = v_event.business_id and phone_hmac = v_event.phone_hmac;
end;
$$;
comment on function app.append_consent(app.consent_events) is 'The only way a row gets into the consent ledger.';

-- What was recorded before there were chains is chained in the order it came.
do $$
declare
  v_old app.consent_events[];
  v_event app.consent_events;
begin
  select array_agg(e order by e.id) into v_old from app.consent_events e;
  alter table app.consent_events disable trigger consent_events_are_never_changed;
  delete from app.consent_events;
  foreach v_event in array coalesce(v_old, '{}') loop
    select phone_hmac into v_event.phone_hmac from app.leads where id = v_event.lead_id;
    perform app.append_consent(v_event);
  end loop;
  alter table app.consent_events enable trigger consent_events_are_never_changed;
end;
$$;

alter table app.consent_events
  alter column phone_hmac set not null,
  alter column sequence set not null,
  alter column previous_hash set not null,
  alter column hash set not null,
  add constraint phone_hmac_is_sha256 check (octet_length(phone_hmac) = 32),
  add constraint hash_is_sha256 check (octet_length(hash) = 32),
  add constraint wording_has_salt_and_digest check (
    (wording is null or wording_digest is not null)
    and (wording is null) = (wording_salt is null)
  ),
  add constraint consent_events_chain_key unique (business_id, phone_hmac, sequence);

-- Nothing of a row may change but that its wording, which may name a person, is
-- taken out for good.
create function app.refuse_change_of_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if to_jsonb(new) - '{wording,wording_salt}'::text[] <> to_jsonb(old) - '{wording,wording_salt}'::text[]
    or new.wording is not null
  then
    raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
  end if;
  return new;
end;
$$;
comment on function app.refuse_change_of_evidence() is
  'Trigger of app.consent_events: an update may erase the wording and nothing else.';

drop trigger consent_events_are_never_changed on app.consent_events;
create trigger consent_events_are_never_deleted
before delete or truncate on app.consent_events
for each statement execute function app.refuse_change();
create trigger consent_events_are_never_changed
before update on app.consent_events
for each row execute function app.refuse_change_of_evidence();

-- The first place where a chain is not what it was: a row changed, missing or
-- put in; or, one past its end, an end that was cut off. Null if it is whole.
create function app.first_break_of_consent(p_business_id uuid, p_phone_hmac bytea)
returns integer
language plpgsql
stable
set search_path = ''
as $$
declare
  v_event app.consent_events;
  v_ledger app.consent_ledgers;
  v_place integer := 0;
  v_previous bytea := decode(repeat('00', 32), 'hex');
begin
  for v_event in
    select *
    from app.consent_events
    where business_id = p_business_id and phone_hmac = p_phone_hmac
    order by sequence
  loop
    v_place := v_place + 1;
    if v_event.sequence <> v_place
      or v_event.previous_hash <> v_previous
      or v_event.hash <> app.consent_hash(v_event)
      or v_event.wording_digest
        <> sha256(v_event.wording_salt || convert_to(v_event.wording, 'UTF8'))
    then
      return v_place;
    end if;
    v_previous := v_event.hash;
  end loop;

  select * into v_ledger
  from app.consent_ledgers
  where business_id = p_business_id and phone_hmac = p_phone_hmac;
  if coalesce(v_ledger.length, 0) <> v_place or coalesce(v_ledger.head, v_previous) <> v_previous then
    return v_place + 1;
  end if;
  return null;
end;
$$;
comment on function app.first_break_of_consent(uuid, bytea) is
  'Where a chain of evidence was tampered with, or null.';

create or replace function app.record_consent(
  p_lead app.leads,
  p_message_id uuid,
  p_change text,
  p_basis text,
  p_source text,
  p_rule text,
  p_wording text,
  p_expires_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_event app.consent_events;
begin
  v_event.id := app.uuid_v7();
  v_event.business_id := p_lead.business_id;
  v_event.lead_id := p_lead.id;
  v_event.phone_hmac := p_lead.phone_hmac;
  v_event.message_id := p_message_id;
  v_event.change := p_change;
  v_event.basis := p_basis;
  v_event.source := p_source;
  v_event.rule := p_rule;
  v_event.wording := p_wording;
  v_event.at := app.clock();
  v_event.expires_at := p_expires_at;
  perform app.append_consent(v_event);

  -- An inquiry is in the messages already; what changes rights is audited.
  if p_change = 'withdrawn' or p_basis <> 'implied_inquiry' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (
      p_lead.business_id,
      case p_source when 'text' then 'lead' else p_source end,
      'consent_' || p_change,
      p_lead.id
    );
  end if;
end;
$$;
comment on function app.record_consent(app.leads, uuid, text, text, text, text, text, timestamptz) is
  'Adds to the evidence of consent. The caller holds the lead''s lock.';

create index leads_business_id_phone_hmac_idx on app.leads (business_id, phone_hmac);

-- For the regulator, or for the person: all the evidence about one phone number
-- at one shop, and the texts it was for. Texts come in pages; everything else is
-- as long as what a person did.
create function public.export_consent(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_hmac bytea := decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_ledger app.consent_ledgers;
  v_lead_id uuid;
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'shop';
  if not found then
    raise sqlstate 'PT404' using message = 'no shop has this number';
  end if;
  select * into v_ledger
  from app.consent_ledgers
  where business_id = v_business.id and phone_hmac = v_hmac;
  select id into v_lead_id
  from app.leads
  where business_id = v_business.id and phone_hmac = v_hmac;

  return jsonb_build_object(
    'format', 'leadslock consent export 1',
    'made_at', app.ledger_time(app.clock()),
    'business', jsonb_build_object(
      'id', v_business.id,
      'name', v_business.name,
      'mailing_address', v_business.mailing_address,
      'contact_email', v_business.contact_email,
      'contact_phone', v_business.contact_phone,
      'website', v_business.website
    ),
    'phone_hmac', request ->> 'phone_hmac',
    'standing', jsonb_build_object(
      'express_since', app.ledger_time(v_ledger.express_since),
      'inquiry_until', app.ledger_time(v_ledger.inquiry_until),
      'purchase_until', app.ledger_time(v_ledger.purchase_until),
      'suppressed', (
        select coalesce(
          jsonb_agg(
            jsonb_build_object(
              'sender_phone', s.sender_phone, 'reason', s.reason, 'since', app.ledger_time(s.since)
            )
            order by s.sender_phone
          ),
          '[]'
        )
        from app.sender_numbers n
        join app.suppressions s on s.sender_phone = n.phone
        where n.business_id = v_business.id and s.phone_hmac = v_hmac
      )
    ),
    'chain', jsonb_build_object(
      'length', coalesce(v_ledger.length, 0),
      'head', encode(v_ledger.head, 'hex'),
      'first_break', app.first_break_of_consent(v_business.id, v_hmac)
    ),
    'events', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', e.id,
            'sequence', e.sequence,
            'lead_id', e.lead_id,
            'message_id', e.message_id,
            'change', e.change,
            'basis', e.basis,
            'source', e.source,
            'rule', e.rule,
            'wording', e.wording,
            'wording_salt', encode(e.wording_salt, 'hex'),
            'wording_digest', encode(e.wording_digest, 'hex'),
            'at', app.ledger_time(e.at),
            'expires_at', app.ledger_time(e.expires_at),
            'previous_hash', encode(e.previous_hash, 'hex'),
            'hash', encode(e.hash, 'hex')
          )
          order by e.sequence
        ),
        '[]'
      )
      from app.consent_events e
      where e.business_id = v_business.id and e.phone_hmac = v_hmac
    ),
    'texts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'id', t.id,
            'at', app.ledger_time(t.created_at),
            'direction', t.direction,
            'author', t.author,
            'legal_basis', t.legal_basis,
            'in_reply_to', t.in_reply_to,
            'status', t.status,
            'body', t.body
          )
          order by t.id
        ),
        '[]'
      )
      from (
        select *
        from app.messages m
        where m.lead_id = v_lead_id
          and m.id > coalesce((request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000')
        order by m.id
        limit 200
      ) t
    )
  );
end;
$$;
comment on function public.export_consent(jsonb) is
  'The evidence of consent of one phone number (phone_hmac) at the shop that has the number shop, and 200 texts after texts_after.';
grant execute on function public.export_consent(jsonb) to service_role;
