-- The baseline: consent and the evidence of it.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

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

create function app.consent_events_told(p_business_id uuid, p_phone_hmac bytea)
returns jsonb
language sql
stable
set search_path = ''
as $$
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
  where e.business_id = p_business_id and e.phone_hmac = p_phone_hmac;
$$;
comment on function app.consent_events_told(uuid, bytea) is
  'The chain of evidence of one phone number at one shop, from its beginning.';

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

create function app.consent_view(p_lead app.leads, p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'suppressed', s.reason,
    'suppressed_at', app.moment(s.since, p_time_zone),
    'response_until', app.moment(
      case
        when p_lead.last_inbound_at > app.clock() - interval '24 hours'
          then p_lead.last_inbound_at + interval '24 hours'
      end,
      p_time_zone
    ),
    'express_since', app.moment(c.express_since, p_time_zone),
    'inquiry_until', app.moment(c.inquiry_until, p_time_zone),
    'purchase_until', app.moment(c.purchase_until, p_time_zone)
  )
  from (values (true)) one
  left join app.consent_ledgers c
    on c.business_id = p_lead.business_id and c.phone_hmac = p_lead.phone_hmac
  left join lateral (
    select o.reason, o.since
    from app.sender_numbers n
    join app.suppressions o on o.sender_phone = n.phone and o.phone_hmac = p_lead.phone_hmac
    where n.business_id = p_lead.business_id
    -- An opt-out comes before what carriers say.
    order by o.reason, o.since
    limit 1
  ) s on true;
$$;
comment on function app.consent_view(app.leads, text) is
  'Whether and why a lead may be texted: what app.gate goes by.';
grant execute on function app.consent_view(app.leads, text) to authenticated;

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
    perform app.refuse('not_found', 'no shop has this number');
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
      'suppressed', app.suppressions_told(v_business.id, v_hmac)
    ),
    'chain', jsonb_build_object(
      'length', coalesce(v_ledger.length, 0),
      'head', encode(v_ledger.head, 'hex'),
      'first_break', app.first_break_of_consent(v_business.id, v_hmac)
    ),
    'events', app.consent_events_told(v_business.id, v_hmac),
    'texts', app.texts_of_consent(v_lead_id, request ->> 'texts_after')
  );
end;
$$;
comment on function public.export_consent(jsonb) is
  'The evidence of consent of one phone number (phone_hmac) at the shop that has the number shop, and 200 texts after texts_after.';
grant execute on function public.export_consent(jsonb) to service_role;

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

-- Any of the shop's numbers counts: a lead who stopped one has stopped the shop.
create function app.is_suppressed(p_business_id uuid, p_phone_hmac bytea)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone
    where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac
  );
$$;
comment on function app.is_suppressed(uuid, bytea) is 'Whether a shop must not text a number.';

create function app.ledger_time(p_time timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$$;
comment on function app.ledger_time(timestamptz) is 'A time as the chain and the export write it: UTC, microseconds.';
grant execute on function app.ledger_time(timestamptz) to authenticated;

-- As before, and takes the lead off the list. Of most who text, nothing is lifted.
create function app.lift_suppressions(
  p_business_id uuid, p_phone_hmac bytea, p_reasons text[]
)
returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = p_business_id
    and s.sender_phone = n.phone
    and s.phone_hmac = p_phone_hmac
    and s.reason = any (p_reasons);
  if found then
    update app.conversations c
    set suppressed_at = app.suppressed_at(p_business_id, p_phone_hmac)
    from app.leads l
    where l.business_id = p_business_id and l.phone_hmac = p_phone_hmac and c.lead_id = l.id;
  end if;
end;
$$;
comment on function app.lift_suppressions(uuid, bytea, text[]) is
  'Lets a shop text a number again, if it was suppressed for one of the reasons.';

-- An inquiry implies consent for half a year. One that comes within a month of the
-- last that was recorded, or on top of express consent, adds nothing that is worth
-- a row.
create function app.note_inquiry(p_lead app.leads, p_message_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_ledger app.consent_ledgers;
begin
  select * into v_ledger
  from app.consent_ledgers
  where business_id = p_lead.business_id and phone_hmac = p_lead.phone_hmac;
  if v_ledger.express_since is null
    and coalesce(v_ledger.inquiry_until < app.clock() + interval '5 months', true)
  then
    perform app.record_consent(
      p_lead, p_message_id, 'granted', 'implied_inquiry', 'text', null, null,
      app.clock() + interval '6 months'
    );
  end if;
end;
$$;
comment on function app.note_inquiry(app.leads, uuid) is
  'Records what a lead''s text implies for consent, where that adds something.';

create function app.record_consent(
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

create function app.record_stop(p_lead app.leads, p_message_id uuid, request jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if not app.suppress(p_lead.business_id, p_lead.phone_hmac, 'opted_out') then
    return;
  end if;
  perform app.record_consent(
    p_lead, p_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
  );
  -- Words of their own may be misunderstood: the owner looks.
  if (request ->> 'is_in_words')::boolean then
    perform app.flag_for_owner(p_lead.id, 'opted_out_in_words');
  end if;
end;
$$;
comment on function app.record_stop(app.leads, uuid, jsonb) is
  'Records that a lead is not to be texted any more, once.';

-- As before, and what cannot be answered is not unanswered.
create function app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  update app.conversations c
  set is_unanswered = false, suppressed_at = coalesce(c.suppressed_at, app.clock())
  from app.leads l
  where l.business_id = p_business_id
    and l.phone_hmac = p_phone_hmac
    and c.lead_id = l.id
    and (c.is_unanswered or c.suppressed_at is null);

  insert into app.suppressions (sender_phone, phone_hmac, reason)
  select phone, p_phone_hmac, p_reason from app.sender_numbers where business_id = p_business_id
  -- Who cannot be reached and then opts out has opted out.
  on conflict (sender_phone, phone_hmac) do update
    set reason = 'opted_out', since = excluded.since
    where suppressions.reason <> 'opted_out' and excluded.reason = 'opted_out';
  return found;
end;
$$;
comment on function app.suppress(uuid, bytea, text) is
  'Keeps a shop from texting a number, from all its senders. False if it already was.';

create function app.suppressed_at(p_business_id uuid, p_phone_hmac bytea)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select min(s.since)
  from app.sender_numbers n
  join app.suppressions s on s.sender_phone = n.phone
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$$;
comment on function app.suppressed_at(uuid, bytea) is
  'Since when a shop must not text a number; null if it may.';

create function app.suppressions_told(p_business_id uuid, p_phone_hmac bytea)
returns jsonb
language sql
stable
set search_path = ''
as $$
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
  where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac;
$$;
comment on function app.suppressions_told(uuid, bytea) is
  'From which of a shop''s numbers a phone number must not be texted, and why.';

create function app.texts_of_consent(p_lead_id uuid, p_after text)
returns jsonb
language sql
stable
set search_path = ''
as $$
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
    where m.lead_id = p_lead_id
      and m.id > coalesce(p_after::uuid, '00000000-0000-0000-0000-000000000000')
    order by m.id
    limit 200
  ) t;
$$;
comment on function app.texts_of_consent(uuid, text) is
  'The next 200 texts with a lead, each with why it was lawful.';

reset check_function_bodies;
