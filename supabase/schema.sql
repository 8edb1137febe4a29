-- The schema after all migrations. Generated; not run by anything.

create schema app;
comment on schema app is 'Tables and the rules that guard them. Not exposed by PostgREST; reached through functions in public.';

create domain app.e164 as text
  constraint e164_form CHECK ((VALUE ~ '^\+[1-9][0-9]{1,14}$'::text));
comment on domain app.e164 is 'A phone number as ITU-T E.164 writes it: + and up to 15 digits.';

create type app.gate_answer as (
  legal_basis text,
  refusal text
);

create table app.audit_events (
  id uuid default app.uuid_v7() not null,
  business_id uuid,
  actor text not null,
  action text not null,
  subject_id uuid,
  at timestamp with time zone default app.clock() not null,
  constraint audit_events_pkey PRIMARY KEY (id),
  constraint audit_events_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint actor_is_known CHECK ((actor = ANY (ARRAY['lead'::text, 'owner'::text, 'operator'::text, 'system'::text, 'provider'::text])))
);
comment on table app.audit_events is 'Who did what to which account, without personal data.';
CREATE INDEX audit_events_business_id_idx ON app.audit_events USING btree (business_id);
CREATE TRIGGER audit_events_are_never_changed BEFORE DELETE OR UPDATE OR TRUNCATE ON app.audit_events FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
alter table app.audit_events enable row level security;

create table app.businesses (
  id uuid default app.uuid_v7() not null,
  owner_id uuid not null,
  name text not null,
  mailing_address text not null,
  contact_email text,
  contact_phone app.e164,
  website text,
  time_zone text default 'America/Toronto'::text not null,
  language text default 'en'::text not null,
  about text default ''::text not null,
  instructions text default ''::text not null,
  state text default 'active'::text not null,
  created_at timestamp with time zone default app.clock() not null,
  updated_at timestamp with time zone default app.clock() not null,
  constraint businesses_pkey PRIMARY KEY (id),
  constraint businesses_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES auth.users(id),
  constraint about_is_bounded CHECK ((char_length(about) <= 8000)),
  constraint contact_is_given CHECK ((num_nonnulls(contact_email, contact_phone, website) > 0)),
  constraint instructions_are_bounded CHECK ((char_length(instructions) <= 4000)),
  constraint language_is_known CHECK ((language = ANY (ARRAY['en'::text, 'fr'::text]))),
  constraint mailing_address_is_given CHECK (((char_length(mailing_address) >= 1) AND (char_length(mailing_address) <= 300))),
  constraint name_is_short CHECK (((char_length(name) >= 1) AND (char_length(name) <= 60))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['active'::text, 'closing'::text, 'closed'::text]))),
  constraint website_is_a_url CHECK ((website ~ '^https://[^[:space:]]{1,200}$'::text))
);
comment on table app.businesses is 'The shops: who owns them and what the assistant may say for them.';
comment on column app.businesses.mailing_address is 'Canada''s anti-spam law wants it within reach of every message (SOR/2012-36, s. 2).';
comment on column app.businesses.about is 'What customers may be told: hours, services, prices. The assistant knows nothing else.';
comment on column app.businesses.instructions is 'How the owner wants the assistant to talk.';
CREATE INDEX businesses_owner_id_idx ON app.businesses USING btree (owner_id);
alter table app.businesses enable row level security;

create table app.consent_events (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  lead_id uuid not null,
  message_id uuid,
  change text not null,
  basis text,
  source text not null,
  rule text,
  wording text,
  at timestamp with time zone default app.clock() not null,
  expires_at timestamp with time zone,
  constraint consent_events_pkey PRIMARY KEY (id),
  constraint consent_events_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint consent_events_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES app.leads(id),
  constraint consent_events_message_id_fkey FOREIGN KEY (message_id) REFERENCES app.messages(id),
  constraint basis_is_known CHECK ((basis = ANY (ARRAY['implied_inquiry'::text, 'implied_purchase'::text, 'express'::text]))),
  constraint change_is_known CHECK ((change = ANY (ARRAY['granted'::text, 'withdrawn'::text]))),
  constraint granted_has_a_basis CHECK (((change = 'granted'::text) = (basis IS NOT NULL))),
  constraint source_is_known CHECK ((source = ANY (ARRAY['text'::text, 'provider'::text])))
);
comment on table app.consent_events is 'Append-only evidence of consent: what the lead said or did, when, through what.';
comment on column app.consent_events.rule is 'What made us take the wording for a wish, by the name lib has for it: the owner can see why.';
CREATE INDEX consent_events_business_id_idx ON app.consent_events USING btree (business_id);
CREATE INDEX consent_events_lead_id_id_idx ON app.consent_events USING btree (lead_id, id);
CREATE INDEX consent_events_message_id_idx ON app.consent_events USING btree (message_id);
CREATE TRIGGER consent_events_are_never_changed BEFORE DELETE OR UPDATE OR TRUNCATE ON app.consent_events FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
alter table app.consent_events enable row level security;

create table app.jobs (
  id uuid default app.uuid_v7() not null,
  kind text not null,
  message_id uuid not null,
  state text default 'open'::text not null,
  run_at timestamp with time zone default app.clock() not null,
  attempts integer default 0 not null,
  fencing_token bigint default 0 not null,
  outcome text,
  created_at timestamp with time zone default app.clock() not null,
  finished_at timestamp with time zone,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_kind_message_id_key UNIQUE (kind, message_id),
  constraint jobs_message_id_fkey FOREIGN KEY (message_id) REFERENCES app.messages(id),
  constraint finished_when_not_open CHECK (((state = 'open'::text) = (finished_at IS NULL))),
  constraint kind_is_known CHECK ((kind = ANY (ARRAY['reply'::text, 'send'::text, 'redact'::text]))),
  constraint state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'dead'::text])))
);
comment on table app.jobs is 'Obligations. Whoever finds one open and due may claim it; it is done when a row says so.';
comment on column app.jobs.message_id is 'The text to answer (reply), to send (send), or to empty at Twilio (redact).';
comment on column app.jobs.run_at is 'From when the job may be claimed. Claiming moves it to the end of the lease.';
comment on column app.jobs.fencing_token is 'Counts claims. A holder whose token is not the newest has lost its lease and changes nothing.';
CREATE INDEX jobs_due_idx ON app.jobs USING btree (run_at) WHERE (state = 'open'::text);
CREATE INDEX jobs_message_id_idx ON app.jobs USING btree (message_id);
alter table app.jobs enable row level security;

create table app.leads (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  phone app.e164 not null,
  phone_hmac bytea not null,
  name text,
  email text,
  notes text,
  language text,
  needs_owner_since timestamp with time zone,
  needs_owner_reason text,
  created_at timestamp with time zone default app.clock() not null,
  last_inbound_at timestamp with time zone,
  constraint leads_pkey PRIMARY KEY (id),
  constraint leads_business_id_phone_key UNIQUE (business_id, phone),
  constraint leads_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint language_is_known CHECK ((language = ANY (ARRAY['en'::text, 'fr'::text]))),
  constraint needs_owner_has_both CHECK (((needs_owner_since IS NULL) = (needs_owner_reason IS NULL))),
  constraint needs_owner_reason_is_known CHECK ((needs_owner_reason = ANY (ARRAY['assistant_unsure'::text, 'assistant_unavailable'::text, 'cap'::text, 'send_failed'::text, 'opted_out_in_words'::text]))),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32))
);
comment on table app.leads is 'The people who text a shop, one row per shop and phone number.';
comment on column app.leads.phone_hmac is 'HMAC-SHA-256 of the phone number under SUPPRESSION_KEY: how app.suppressions knows it.';
comment on column app.leads.needs_owner_since is 'Since when the lead waits for the owner; null when nothing is waiting.';
alter table app.leads enable row level security;

create table app.messages (
  id uuid default app.uuid_v7() not null,
  business_id uuid not null,
  lead_id uuid not null,
  sender_phone app.e164 not null,
  direction text not null,
  author text not null,
  body text not null,
  media_count smallint default 0 not null,
  masked_count smallint default 0 not null,
  in_reply_to uuid,
  legal_basis text,
  twilio_sid text,
  status text not null,
  error_code integer,
  attempted_at timestamp with time zone,
  created_at timestamp with time zone default app.clock() not null,
  constraint messages_pkey PRIMARY KEY (id),
  constraint messages_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id),
  constraint messages_in_reply_to_fkey FOREIGN KEY (in_reply_to) REFERENCES app.messages(id),
  constraint messages_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES app.leads(id),
  constraint author_fits_direction CHECK (
CASE direction
    WHEN 'inbound'::text THEN (author = 'lead'::text)
    ELSE (author = ANY (ARRAY['assistant'::text, 'owner'::text, 'system'::text]))
END),
  constraint body_is_bounded CHECK ((char_length(body) <= 4096)),
  constraint direction_is_known CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
  constraint legal_basis_is_known CHECK ((legal_basis = ANY (ARRAY['response'::text, 'implied_inquiry'::text, 'implied_purchase'::text, 'express'::text]))),
  constraint outbound_has_a_legal_basis CHECK (((direction = 'outbound'::text) = (legal_basis IS NOT NULL))),
  constraint status_is_known CHECK ((status = ANY (ARRAY['received'::text, 'pending'::text, 'withheld'::text, 'accepted'::text, 'scheduled'::text, 'queued'::text, 'sending'::text, 'sent'::text, 'canceled'::text, 'failed'::text, 'undelivered'::text, 'delivered'::text, 'read'::text]))),
  constraint twilio_sid_form CHECK ((twilio_sid ~ '^(SM|MM)[0-9a-f]{32}$'::text))
);
comment on table app.messages is 'Every text in both directions.';
comment on column app.messages.sender_phone is 'The shop''s number: where the lead wrote to, or what we write from.';
comment on column app.messages.masked_count is 'How many card and social-insurance numbers were masked in the body before it was stored.';
comment on column app.messages.legal_basis is 'Why an outbound text was lawful when it was queued.';
comment on column app.messages.status is 'Twilio''s status; before Twilio has it pending, or withheld when the gate refused the claim.';
comment on column app.messages.attempted_at is 'When it was last claimed for sending. Set and without twilio_sid: whether Twilio has it is unknown.';
CREATE INDEX messages_business_id_id_idx ON app.messages USING btree (business_id, id);
CREATE UNIQUE INDEX messages_in_reply_to_key ON app.messages USING btree (in_reply_to);
CREATE INDEX messages_lead_id_id_idx ON app.messages USING btree (lead_id, id);
CREATE UNIQUE INDEX messages_twilio_sid_key ON app.messages USING btree (twilio_sid);
alter table app.messages enable row level security;

create table app.sender_numbers (
  phone app.e164 not null,
  business_id uuid not null,
  created_at timestamp with time zone default app.clock() not null,
  constraint sender_numbers_pkey PRIMARY KEY (phone),
  constraint sender_numbers_business_id_fkey FOREIGN KEY (business_id) REFERENCES app.businesses(id)
);
comment on table app.sender_numbers is 'The Twilio numbers a shop is texted at and texts from.';
CREATE INDEX sender_numbers_business_id_idx ON app.sender_numbers USING btree (business_id);
alter table app.sender_numbers enable row level security;

create table app.suppressions (
  sender_phone app.e164 not null,
  phone_hmac bytea not null,
  reason text not null,
  since timestamp with time zone default app.clock() not null,
  constraint suppressions_pkey PRIMARY KEY (sender_phone, phone_hmac),
  constraint phone_hmac_is_sha256 CHECK ((octet_length(phone_hmac) = 32)),
  constraint reason_is_known CHECK ((reason = ANY (ARRAY['opted_out'::text, 'unreachable'::text])))
);
comment on table app.suppressions is 'Who must not be texted from a number. Names no person and refers to no row, so it outlives lead and account.';
alter table app.suppressions enable row level security;

create table app.webhook_events (
  provider text not null,
  event_id text not null,
  type text not null,
  received_at timestamp with time zone default app.clock() not null,
  constraint webhook_events_pkey PRIMARY KEY (provider, event_id),
  constraint event_id_is_short CHECK (((char_length(event_id) >= 1) AND (char_length(event_id) <= 255))),
  constraint provider_is_known CHECK ((provider = ANY (ARRAY['twilio'::text, 'stripe'::text])))
);
comment on table app.webhook_events is 'The idempotent log: a row is written in the transaction that applies the event, or not at all.';
alter table app.webhook_events enable row level security;

CREATE OR REPLACE FUNCTION app.advance_message(p_message_id uuid, p_sid text, p_status text, p_error_code integer)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_message app.messages;
begin
  select * into strict v_message from app.messages where id = p_message_id for no key update;
  if v_message.twilio_sid is distinct from p_sid and v_message.twilio_sid is not null then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'message_sent_twice', v_message.id);
    return false;
  end if;

  update app.messages
  set twilio_sid = p_sid,
      status = p_status,
      error_code = p_error_code
  where id = p_message_id
    -- Of two reports with one status the higher error code stays: any order, one end.
    and (app.status_rank(p_status), coalesce(p_error_code, 0))
      > (app.status_rank(status), coalesce(error_code, 0));
  if not found then
    update app.messages set twilio_sid = p_sid where id = p_message_id and twilio_sid is null;
  end if;
  return true;
end;
$function$;
comment on function app.advance_message(uuid,text,text,integer) is 'Moves a message up the ranks of app.status_rank, never down.';

CREATE OR REPLACE FUNCTION app.apply_error_policy(p_lead_id uuid, p_message_id uuid, p_policy text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads;
begin
  if p_policy is null then
    return;
  end if;
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;
  if app.suppress(v_lead.business_id, v_lead.phone_hmac, p_policy) and p_policy = 'opted_out' then
    perform app.record_consent(
      v_lead, p_message_id, 'withdrawn', null, 'provider', null, null, null
    );
  end if;
end;
$function$;
comment on function app.apply_error_policy(uuid,uuid,text) is 'Suppresses a number that Twilio says is opted out or unreachable.';

CREATE OR REPLACE FUNCTION app.clock()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select pg_catalog.now();
$function$;
comment on function app.clock() is 'The time all rules go by: the transaction''s.';

CREATE OR REPLACE FUNCTION app.finish_job(p_job_id uuid, p_state text, p_outcome text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and state = 'open';
$function$;
comment on function app.finish_job(uuid,text,text) is 'Ends a job as done or dead.';

CREATE OR REPLACE FUNCTION app.flag_for_owner(p_lead_id uuid, p_reason text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.leads
  set needs_owner_since = coalesce(needs_owner_since, app.clock()), needs_owner_reason = p_reason
  where id = p_lead_id;
$function$;
comment on function app.flag_for_owner(uuid,text) is 'Puts a lead on the owner''s list. The newest reason shows.';

CREATE OR REPLACE FUNCTION app.gate(p_lead_id uuid, p_author text, p_in_reply_to uuid)
 RETURNS app.gate_answer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_lead app.leads;
  v_answer app.gate_answer;
begin
  select * into strict v_lead from app.leads where id = p_lead_id for no key update;

  v_answer.refusal := case
    when not exists (
      select from app.businesses where id = v_lead.business_id and state = 'active'
    ) then 'business_not_active'
    when app.is_suppressed(v_lead.business_id, v_lead.phone_hmac) then 'opted_out'
    -- Two machines that answer each other would never stop.
    when p_author = 'assistant' and 10 <= (
      select count(*)
      from app.messages
      where lead_id = p_lead_id
        and author = 'assistant'
        and status <> 'withheld'
        and created_at > app.clock() - interval '1 hour'
    ) then 'cap'
  end;

  -- A text that answers the lead's own is outside the consent rules
  -- (SOR/2013-221, s. 3(b)); anything else rides on the inquiry (CASL, s. 10(10)).
  v_answer.legal_basis := case
    when v_answer.refusal is not null then null
    when p_in_reply_to is not null then 'response'
    when v_lead.last_inbound_at > app.clock() - interval '6 months' then 'implied_inquiry'
  end;
  if v_answer.refusal is null and v_answer.legal_basis is null then
    v_answer.refusal := 'no_basis';
  end if;
  return v_answer;
end;
$function$;
comment on function app.gate(uuid,text,uuid) is 'Whether a lead may be texted now: the legal basis, or the refusal. Holds the lead''s lock to the end of the transaction.';

CREATE OR REPLACE FUNCTION app.help_text(p_business app.businesses, p_language text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case coalesce(p_language, p_business.language)
    when 'fr' then format(
      '%s : ce numéro répond aux clients par texto. Contact : %s. Répondez ARRET pour ne plus recevoir de textos.',
      p_business.name, coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
    )
    else format(
      '%s: this number answers customers by text. Contact: %s. Reply STOP to receive no more texts.',
      p_business.name, coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
    )
  end;
$function$;
comment on function app.help_text(app.businesses,text) is 'The answer to HELP and AIDE.';

CREATE OR REPLACE FUNCTION app.is_suppressed(p_business_id uuid, p_phone_hmac bytea)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select exists (
    select
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone
    where n.business_id = p_business_id and s.phone_hmac = p_phone_hmac
  );
$function$;
comment on function app.is_suppressed(uuid,bytea) is 'Whether a shop must not text a number.';

CREATE OR REPLACE FUNCTION app.lease()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select interval '60 seconds';
$function$;
comment on function app.lease() is 'How long a claimed job belongs to its holder.';

CREATE OR REPLACE FUNCTION app.postpone_job(p_job_id uuid, p_at_least interval)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update app.jobs
  set run_at = app.clock() + greatest(
    least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10)))
      * (0.5 + pg_catalog.random() / 2),
    p_at_least
  )
  where id = p_job_id and state = 'open';
$function$;
comment on function app.postpone_job(uuid,interval) is 'Puts a job that failed for now back in line.';

CREATE OR REPLACE FUNCTION app.queue_text(p_lead_id uuid, p_sender_phone app.e164, p_author text, p_body text, p_in_reply_to uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', app.clock()
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('send', v_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;

  return jsonb_build_object('outcome', 'queued', 'send', app.send_work(v_job_id));
end;
$function$;
comment on function app.queue_text(uuid,app.e164,text,text,uuid) is 'Writes an outbound text and claims it for sending, if the gate lets it through.';

CREATE OR REPLACE FUNCTION app.record_consent(p_lead app.leads, p_message_id uuid, p_change text, p_basis text, p_source text, p_rule text, p_wording text, p_expires_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into app.consent_events (
    business_id, lead_id, message_id, change, basis, source, rule, wording, expires_at
  )
  values (
    p_lead.business_id, p_lead.id, p_message_id, p_change, p_basis, p_source, p_rule, p_wording,
    p_expires_at
  );
  -- An inquiry is in the messages already; what changes rights is audited.
  if p_change = 'withdrawn' or p_basis = 'express' then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (
      p_lead.business_id,
      case p_source when 'text' then 'lead' else 'provider' end,
      'consent_' || p_change,
      p_lead.id
    );
  end if;
end;
$function$;
comment on function app.record_consent(app.leads,uuid,text,text,text,text,text,timestamp with time zone) is 'Adds to the evidence of consent.';

CREATE OR REPLACE FUNCTION app.redact_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'kind', 'redact',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'twilio_sid', m.twilio_sid
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.id = p_job_id;
$function$;
comment on function app.redact_work(uuid) is 'A claimed redact job: the text to empty at Twilio.';

CREATE OR REPLACE FUNCTION app.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
end;
$function$;
comment on function app.refuse_change() is 'Trigger of append-only tables.';

CREATE OR REPLACE FUNCTION app.reply_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'kind', 'reply',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'has_masked_numbers', m.masked_count > 0,
    'business', jsonb_build_object(
      'name', b.name,
      'about', b.about,
      'instructions', b.instructions,
      'website', b.website,
      'language', b.language,
      'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI')
    ),
    'lead', jsonb_build_object('name', l.name, 'language', l.language),
    -- A conversation ends after 30 quiet days; the next one is introduced anew.
    'is_first_answer', not exists (
      select
      from app.messages o
      where o.lead_id = l.id
        and o.author = 'assistant'
        and o.status <> 'withheld'
        and o.created_at > app.clock() - interval '30 days'
    ),
    'history', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('author', h.author, 'body', h.body, 'media_count', h.media_count)
          order by h.id
        ),
        '[]'
      )
      from (
        select o.id, o.author, o.body, o.media_count
        from app.messages o
        where o.lead_id = l.id and o.status <> 'withheld'
        order by o.id desc
        limit 12
      ) h
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  join app.businesses b on b.id = m.business_id
  where j.id = p_job_id;
$function$;
comment on function app.reply_work(uuid) is 'A claimed reply job, as the assistant gets it.';

CREATE OR REPLACE FUNCTION app.send_work(p_job_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'kind', 'send',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'message_id', m.id,
    'from', m.sender_phone,
    'to', l.phone,
    'body', m.body,
    'known_sids', (
      select coalesce(jsonb_agg(k.twilio_sid), '[]')
      from (
        select o.twilio_sid
        from app.messages o
        where o.lead_id = m.lead_id and o.direction = 'outbound' and o.twilio_sid is not null
        order by o.id desc
        limit 50
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$function$;
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';

CREATE OR REPLACE FUNCTION app.start_text(p_business app.businesses, p_language text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select format(
    case coalesce(p_language, p_business.language)
      when 'fr' then '%s : vous recevrez de nouveau nos textos. Répondez ARRET pour ne plus en recevoir.'
      else '%s: you will get our texts again. Reply STOP to get no more.'
    end,
    p_business.name
  );
$function$;
comment on function app.start_text(app.businesses,text) is 'The confirmation that somebody opted in again.';

CREATE OR REPLACE FUNCTION app.status_rank(p_status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case p_status
    when 'withheld' then 0
    when 'pending' then 0
    when 'accepted' then 1
    when 'scheduled' then 2
    when 'queued' then 3
    when 'sending' then 4
    when 'sent' then 5
    when 'canceled' then 6
    when 'failed' then 7
    when 'undelivered' then 8
    when 'delivered' then 9
    when 'read' then 10
  end;
$function$;
comment on function app.status_rank(text) is 'A message only ever moves to a status of a higher rank, so callbacks may come in any order.';

CREATE OR REPLACE FUNCTION app.stop_text(p_business app.businesses, p_language text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select format(
    case coalesce(p_language, p_business.language)
      when 'fr' then '%s : vous ne recevrez plus de textos de notre part. Répondez START pour en recevoir de nouveau.'
      else '%s: you will get no more texts from us. Reply START to get them again.'
    end,
    p_business.name
  );
$function$;
comment on function app.stop_text(app.businesses,text) is 'The confirmation that somebody opted out.';

CREATE OR REPLACE FUNCTION app.suppress(p_business_id uuid, p_phone_hmac bytea, p_reason text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into app.suppressions (sender_phone, phone_hmac, reason)
  select phone, p_phone_hmac, p_reason from app.sender_numbers where business_id = p_business_id
  -- Who cannot be reached and then opts out has opted out.
  on conflict (sender_phone, phone_hmac) do update
    set reason = 'opted_out', since = excluded.since
    where suppressions.reason <> 'opted_out' and excluded.reason = 'opted_out';
  return found;
end;
$function$;
comment on function app.suppress(uuid,bytea,text) is 'Keeps a shop from texting a number, from all its senders. False if it already was.';

CREATE OR REPLACE FUNCTION app.uuid_v7()
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  -- Runs on within a transaction, and follows app.clock() when that is moved.
  v_time timestamptz := pg_catalog.clock_timestamp() + (app.clock() - pg_catalog.now());
  v_microseconds bigint := (extract(epoch from v_time) * 1000000)::bigint;
  v_bytes bytea := pg_catalog.uuid_send(pg_catalog.gen_random_uuid());
  v_fraction integer := ((v_microseconds % 1000) * 4096 / 1000)::integer;
begin
  v_bytes := overlay(v_bytes placing substring(pg_catalog.int8send(v_microseconds / 1000) from 3) from 1 for 6);
  v_bytes := pg_catalog.set_byte(v_bytes, 6, 112 + (v_fraction >> 8));
  v_bytes := pg_catalog.set_byte(v_bytes, 7, v_fraction & 255);
  return pg_catalog.encode(v_bytes, 'hex')::uuid;
end;
$function$;
comment on function app.uuid_v7() is 'A UUID that sorts by the time it was made.';

CREATE OR REPLACE FUNCTION public.apply_status(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into v_message
  from app.messages
  where id = (request ->> 'message_id')::uuid and direction = 'outbound';
  if not found then
    return jsonb_build_object('outcome', 'unknown_message');
  end if;

  insert into app.webhook_events (provider, event_id, type)
  values (
    'twilio',
    concat_ws(':', request ->> 'twilio_sid', request ->> 'status', request ->> 'error_code'),
    'status'
  )
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate');
  end if;

  select id into v_job_id
  from app.jobs
  where kind = 'send' and message_id = v_message.id
  for no key update;
  perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
  if not app.advance_message(
    v_message.id, request ->> 'twilio_sid', request ->> 'status', (request ->> 'error_code')::integer
  ) then
    return jsonb_build_object('outcome', 'conflict');
  end if;
  perform app.finish_job(v_job_id, 'done', 'accepted');
  return jsonb_build_object('outcome', 'applied');
end;
$function$;
comment on function public.apply_status(jsonb) is 'Applies a status callback once. Outcome: applied, duplicate, conflict, or unknown_message.';
grant execute on function public.apply_status(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.claim_jobs(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_claimed uuid[];
  v_job record;
  v_answer app.gate_answer;
  v_work jsonb := '[]';
begin
  with due as (
    select id
    from app.jobs
    where state = 'open' and run_at <= app.clock()
    order by run_at
    limit (request ->> 'limit')::integer
    for update skip locked
  ), claimed as (
    update app.jobs j
    set run_at = app.clock() + app.lease(),
        attempts = attempts + 1,
        fencing_token = fencing_token + 1
    from due
    where j.id = due.id
    returning j.id
  )
  select array_agg(id) into v_claimed from claimed;

  for v_job in
    select j.id, j.kind, j.attempts, m.id as message_id, m.lead_id, m.author, m.in_reply_to,
      m.attempted_at, m.business_id
    from app.jobs j
    join app.messages m on m.id = j.message_id
    where j.id = any (v_claimed)
    order by m.lead_id, j.id
  loop
    if v_job.attempts > 12 then
      perform app.finish_job(v_job.id, 'dead', 'too_many_attempts');
      perform app.flag_for_owner(v_job.lead_id, 'send_failed');
      insert into app.audit_events (business_id, actor, action, subject_id)
      values (v_job.business_id, 'system', 'job_dead', v_job.id);
    elsif v_job.kind = 'reply' then
      v_work := v_work || app.reply_work(v_job.id);
    elsif v_job.kind = 'redact' then
      v_work := v_work || app.redact_work(v_job.id);
    elsif v_job.attempted_at is not null then
      -- Twilio may have it: to be looked up, not sent. The gate comes after.
      v_work := v_work || (app.send_work(v_job.id) || '{"kind": "settle"}');
    else
      v_answer := app.gate(v_job.lead_id, v_job.author, v_job.in_reply_to);
      if v_answer.refusal is null then
        update app.messages
        set attempted_at = app.clock(), legal_basis = v_answer.legal_basis
        where id = v_job.message_id;
        v_work := v_work || app.send_work(v_job.id);
      else
        update app.messages set status = 'withheld'
        where id = v_job.message_id and status = 'pending';
        perform app.finish_job(v_job.id, 'done', 'refused_' || v_answer.refusal);
      end if;
    end if;
  end loop;

  return jsonb_build_object('work', v_work);
end;
$function$;
comment on function public.claim_jobs(jsonb) is 'Claims up to limit due jobs for the caller; send jobs pass the gate again. Returns their work.';
grant execute on function public.claim_jobs(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.queue_outbound(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
  v_message app.messages;
  v_queued jsonb;
begin
  select * into v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if not found or v_job.state <> 'open'
    or v_job.fencing_token <> (request ->> 'fencing_token')::bigint
  then
    return jsonb_build_object('outcome', 'stale');
  end if;

  select * into strict v_message from app.messages where id = v_job.message_id;
  v_queued := app.queue_text(
    v_message.lead_id, v_message.sender_phone, 'assistant', request ->> 'body', v_message.id
  );

  if v_queued ->> 'outcome' = 'queued' then
    perform app.finish_job(v_job.id, 'done', 'queued');
  else
    perform app.finish_job(v_job.id, 'done', 'refused_' || (v_queued ->> 'reason'));
    if v_queued ->> 'reason' = 'cap' then
      perform app.flag_for_owner(v_message.lead_id, 'cap');
    end if;
  end if;
  if request ->> 'needs_owner_reason' is not null then
    perform app.flag_for_owner(v_message.lead_id, request ->> 'needs_owner_reason');
  end if;
  return v_queued;
end;
$function$;
comment on function public.queue_outbound(jsonb) is 'Ends a reply job with the assistant''s answer. Outcome: queued (with the text to send), refused (why), or stale (another holds the job).';
grant execute on function public.queue_outbound(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.receive_sms(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_sid text := request ->> 'message_sid';
  v_meaning text := request ->> 'meaning';
  v_hmac bytea := pg_catalog.decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_lead app.leads;
  v_is_new_lead boolean;
  v_message_id uuid;
  v_job_id uuid;
  v_work jsonb := '[]';
  v_queued jsonb;
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
  end if;

  -- A delivery in flight at the same time is waited for by the primary key.
  insert into app.webhook_events (provider, event_id, type)
  values ('twilio', v_sid, 'message')
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  -- Locks the lead to the end: the gate of any text to it waits, then sees us.
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (v_business.id, request ->> 'from', v_hmac, request ->> 'language', app.clock())
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;
  v_is_new_lead := not exists (select from app.messages where lead_id = v_lead.id);

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    v_business.id, v_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint, v_sid, 'received'
  )
  returning id into v_message_id;

  -- Twilio still has the text as it was written.
  if (request ->> 'masked_count')::integer > 0 then
    insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
    values ('redact', v_message_id, app.clock() + app.lease(), 1, 1)
    returning id into v_job_id;
    v_work := v_work || app.redact_work(v_job_id);
  end if;

  -- Who texts us can be reached.
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = v_business.id
    and s.sender_phone = n.phone
    and s.phone_hmac = v_hmac
    and s.reason = 'unreachable';

  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(v_business.id, v_hmac) then 'start' else 'text'
    end;
  end if;

  if v_meaning = 'stop' then
    -- One confirmation, where Twilio has given none. It is queued while it still
    -- may be, and claimed at once: any later claim meets the suppression.
    if not (request ->> 'is_answered_by_twilio')::boolean then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.stop_text(v_business, request ->> 'language'), v_message_id
      );
    end if;
    if app.suppress(v_business.id, v_hmac, 'opted_out') then
      perform app.record_consent(
        v_lead, v_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
      );
      -- Words of their own may be misunderstood: the owner looks.
      if (request ->> 'is_in_words')::boolean then
        perform app.flag_for_owner(v_lead.id, 'opted_out_in_words');
      end if;
    end if;
  elsif v_meaning = 'start' then
    delete from app.suppressions s
    using app.sender_numbers n
    where n.business_id = v_business.id and s.sender_phone = n.phone and s.phone_hmac = v_hmac;
    perform app.record_consent(
      v_lead, v_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
    if not (request ->> 'is_answered_by_twilio')::boolean then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.start_text(v_business, request ->> 'language'), v_message_id
      );
    end if;
  else
    if v_is_new_lead then
      perform app.record_consent(
        v_lead, v_message_id, 'granted', 'implied_inquiry', 'text', null, null,
        app.clock() + interval '6 months'
      );
    end if;
    if v_meaning = 'help' and (request ->> 'is_answered_by_twilio')::boolean then
      null;
    elsif v_meaning = 'help' then
      v_queued := app.queue_text(
        v_lead.id, request ->> 'to', 'system',
        app.help_text(v_business, request ->> 'language'), v_message_id
      );
    elsif v_business.state = 'active' and not app.is_suppressed(v_business.id, v_hmac) then
      insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
      values ('reply', v_message_id, app.clock() + app.lease(), 1, 1)
      returning id into v_job_id;
      v_work := v_work || app.reply_work(v_job_id);
    end if;
  end if;
  if v_queued ->> 'outcome' = 'queued' then
    v_work := v_work || (v_queued -> 'send');
  end if;

  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$function$;
comment on function public.receive_sms(jsonb) is 'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';
grant execute on function public.receive_sms(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_redaction(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_job app.jobs;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$function$;
comment on function public.settle_redaction(jsonb) is 'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;

CREATE OR REPLACE FUNCTION public.settle_send(request jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  v_result text := request ->> 'result';
  v_job app.jobs;
  v_message app.messages;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  select * into strict v_message from app.messages where id = v_job.message_id;

  if v_result = 'accepted' then
    if not app.advance_message(v_message.id, request ->> 'twilio_sid', request ->> 'status', null) then
      return jsonb_build_object('outcome', 'conflict');
    end if;
    perform app.finish_job(v_job.id, 'done', 'accepted');
    return jsonb_build_object('outcome', 'settled');
  end if;

  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;

  if v_result = 'rejected' then
    perform app.apply_error_policy(v_message.lead_id, v_message.id, request ->> 'policy');
    if request ->> 'policy' is null then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    update app.messages
    set status = 'failed', error_code = (request ->> 'error_code')::integer, attempted_at = null
    where id = v_message.id and status = 'pending';
    perform app.finish_job(v_job.id, 'done', 'rejected');
  elsif v_result = 'not_sent' then
    update app.messages set attempted_at = null where id = v_message.id;
    perform app.postpone_job(
      v_job.id, make_interval(secs => coalesce((request ->> 'retry_after_seconds')::integer, 0))
    );
  elsif v_result = 'unknown' then
    update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
  elsif v_result = 'not_found' then
    -- A request on its way may still arrive; after a lease it no longer can.
    if v_message.attempted_at + app.lease() <= app.clock() then
      update app.messages set attempted_at = null where id = v_message.id;
      update app.jobs set run_at = app.clock() where id = v_job.id;
    else
      update app.jobs set run_at = v_message.attempted_at + app.lease() where id = v_job.id;
    end if;
  else
    raise sqlstate 'PT400' using message = 'unknown result';
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$function$;
comment on function public.settle_send(jsonb) is 'Records what became of an attempt to send. Result: accepted, rejected, not_sent, unknown or not_found.';
grant execute on function public.settle_send(jsonb) to service_role;
