-- Pictures that come with texts: what became of each, and the work of taking
-- them over from Twilio into a private bucket.

-- No policy on storage.objects lets anybody else in: only the secret key, and
-- links it signs, open what is in the bucket. The limits are those of lib
-- (media_type, twilio::media), kept here once more.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'media', 'media', false, 5242880,
  array[
    'image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'video/mp4', 'video/3gpp',
    'application/pdf', 'text/vcard'
  ]
)
on conflict (id) do nothing;

create table app.media (
  message_id uuid not null references app.messages (id),
  position smallint not null,
  business_id uuid not null references app.businesses (id),
  twilio_sid text not null,
  told_type text,
  state text not null default 'pending',
  refusal text,
  found_type text,
  byte_count integer,
  sha256 bytea,
  -- There from the beginning: an object may be stored and not yet recorded.
  storage_path text not null generated always as (
    business_id::text || '/' || message_id::text || '/' || position::text
  ) stored,
  created_at timestamptz not null default app.clock(),
  settled_at timestamptz,
  removed_at timestamptz,

  constraint media_pkey primary key (message_id, position),
  constraint position_is_bounded check (position between 0 and 9),
  constraint twilio_sid_form check (twilio_sid ~ '^ME[0-9a-f]{32}$'),
  constraint told_type_is_short check (char_length(told_type) <= 100),
  constraint state_is_known check (state in ('pending', 'stored', 'refused')),
  constraint refusal_is_known check (refusal in ('type', 'too_large', 'gone', 'unavailable')),
  constraint refused_has_a_reason check ((state = 'refused') = (refusal is not null)),
  constraint stored_is_described check (
    num_nonnulls(found_type, byte_count, sha256) = case state when 'stored' then 3 else 0 end
  ),
  constraint sha256_is_one check (octet_length(sha256) = 32),
  constraint settled_when_not_pending check ((state = 'pending') = (settled_at is null)),
  constraint removed_only_when_settled check (removed_at is null or state <> 'pending')
);
comment on table app.media is
  'Pictures and the like that came with texts: what became of each, in our bucket and at Twilio.';
comment on column app.media.told_type is 'The content type Twilio told. Decides nothing.';
comment on column app.media.found_type is 'The content type its bytes have.';
comment on column app.media.storage_path is
  'Where it is in the bucket media, if it is: business, message, position. Whoever erases a message finds its objects by it.';
comment on column app.media.removed_at is 'Since when Twilio does not have it any more.';
create index media_business_id_idx on app.media (business_id);
alter table app.media enable row level security;

alter table app.jobs drop constraint kind_is_known;
alter table app.jobs
  add constraint kind_is_known check (kind in ('reply', 'send', 'redact', 'media'));
comment on column app.jobs.message_id is
  'The text to answer (reply), to send (send), to empty at Twilio (redact), or whose pictures to take over (media).';

create function app.media_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', 'media',
    'job_id', j.id,
    'fencing_token', j.fencing_token,
    'attempt', j.attempts,
    'twilio_sid', t.twilio_sid,
    'media', jsonb_agg(
      jsonb_build_object(
        'position', m.position,
        'twilio_sid', m.twilio_sid,
        'storage_path', m.storage_path,
        'is_settled', m.state <> 'pending'
      )
      order by m.position
    )
  )
  from app.jobs j
  join app.messages t on t.id = j.message_id
  join app.media m on m.message_id = j.message_id
  where j.id = p_job_id and m.removed_at is null
  group by j.id, t.id;
$$;
comment on function app.media_work(uuid) is
  'What is left to do for a text''s pictures: all that Twilio may still have.';

create function app.take_media(p_message_id uuid, p_media jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.media (message_id, business_id, position, twilio_sid, told_type)
  select p_message_id, t.business_id, m.position, m.twilio_sid, m.told_type
  from app.messages t
  cross join jsonb_to_recordset(p_media) m (position smallint, twilio_sid text, told_type text)
  where t.id = p_message_id;
  if not found then
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('media', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.media_work(v_job_id);
end;
$$;
comment on function app.take_media(uuid, jsonb) is
  'Records what came with a text, and makes a claimed job of taking it over. Returns its work; null if nothing came.';

-- What became of a text's pictures, so far. What is settled stays as it is: a
-- holder that comes late has the same bytes, or none.
create function public.settle_media(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs;
begin
  select * into strict v_job from app.jobs where id = (request ->> 'job_id')::uuid for no key update;
  if v_job.state <> 'open' or v_job.fencing_token <> (request ->> 'fencing_token')::bigint then
    return jsonb_build_object('outcome', 'stale');
  end if;

  update app.media m
  set state = s.state,
      refusal = s.refusal,
      found_type = s.found_type,
      byte_count = s.byte_count,
      sha256 = pg_catalog.decode(s.sha256, 'base64'),
      settled_at = app.clock()
  from jsonb_to_recordset(request -> 'settled') s (
    position smallint, state text, refusal text, found_type text, byte_count integer, sha256 text
  )
  where m.message_id = v_job.message_id and m.position = s.position and m.state = 'pending';

  update app.media m
  set removed_at = app.clock()
  from jsonb_array_elements_text(request -> 'removed') r (position)
  where m.message_id = v_job.message_id
    and m.position = r.position::smallint
    and m.state <> 'pending'
    and m.removed_at is null;

  if not exists (
    select from app.media where message_id = v_job.message_id and removed_at is null
  ) then
    perform app.finish_job(v_job.id, 'done', 'taken_over');
  elsif (request ->> 'is_end')::boolean then
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_media(jsonb) is
  'Records which pictures of a text are stored or refused, and which of them Twilio has removed. Ends the job with the last, or has the rest tried again.';
grant execute on function public.settle_media(jsonb) to service_role;

-- A claimed job's work, or null if there is nothing to do for it now. Locks the
-- job's lead where it sends.
create or replace function app.work_of(p_job_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job app.jobs;
  v_message app.messages;
  v_answer app.gate_answer;
  v_turn timestamptz;
begin
  select * into strict v_job from app.jobs where id = p_job_id;
  select * into strict v_message from app.messages where id = v_job.message_id;

  if v_job.attempts > 12 then
    perform app.finish_job(p_job_id, 'dead', 'too_many_attempts');
    if v_job.kind <> 'media' then
      perform app.flag_for_owner(v_message.lead_id, 'send_failed');
    end if;
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_message.business_id, 'system', 'job_dead', p_job_id);
    return null;
  end if;
  if v_job.kind = 'reply' then
    return app.reply_work(p_job_id);
  elsif v_job.kind = 'redact' then
    return app.redact_work(p_job_id);
  elsif v_job.kind = 'media' then
    return app.media_work(p_job_id);
  elsif v_message.attempted_at is not null then
    -- Twilio may have it: to be looked up, not sent. The gate comes after.
    return app.send_work(p_job_id) || '{"kind": "settle"}';
  end if;

  v_answer := app.gate(v_message.lead_id, v_message.author, v_message.in_reply_to);
  if v_answer.retry_at is not null then
    perform app.put_off_job(p_job_id, v_answer.retry_at);
    return null;
  elsif v_answer.refusal is not null then
    update app.messages set status = 'withheld' where id = v_message.id and status = 'pending';
    perform app.finish_job(p_job_id, 'done', 'refused_' || v_answer.refusal);
    return null;
  end if;
  v_turn := app.paced_until(v_message.sender_phone, true);
  if v_turn is not null then
    perform app.put_off_job(p_job_id, v_turn);
    return null;
  end if;
  update app.messages
  set attempted_at = app.clock(), legal_basis = v_answer.legal_basis
  where id = v_message.id;
  return app.send_work(p_job_id);
end;
$$;
comment on function app.work_of(uuid) is 'What the holder of a claimed job is to do.';

-- A text from a lead. Everything it changes commits together or not at all:
-- the proof that it was handled, the text, the consent it gives or takes, and
-- the answer it is owed, already claimed for the caller.
--
-- Only a text that begins or ends with digits (may_join) may need a second
-- call: the outcome joins stores no text and returns the texts before, so that
-- no part of a card number is completed by what is stored. The caller decides,
-- and calls again with those of them that are to be masked (joined).
create or replace function public.receive_sms(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_sid text := request ->> 'message_sid';
  v_meaning text := request ->> 'meaning';
  v_language text := request ->> 'language';
  v_is_answered boolean := (request ->> 'is_answered_by_twilio')::boolean;
  v_hmac bytea := pg_catalog.decode(request ->> 'phone_hmac', 'hex');
  v_business app.businesses;
  v_lead app.leads;
  v_ledger app.consent_ledgers;
  v_message_id uuid;
  v_previous jsonb;
  v_joined_id uuid;
  v_fixed_text text;
  v_work jsonb := '[]';
begin
  select b.* into v_business
  from app.sender_numbers n
  join app.businesses b on b.id = n.business_id
  where n.phone = request ->> 'to';
  if not found then
    return jsonb_build_object('outcome', 'unknown_number', 'work', v_work);
  end if;

  -- A redelivery changes nothing, not even when the lead was last heard of.
  if exists (select from app.webhook_events where provider = 'twilio' and event_id = v_sid) then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  -- Locks the lead to the end: the gate of any text to it waits, then sees us,
  -- and so does another text of the lead's that arrives at the same moment.
  insert into app.leads (business_id, phone, phone_hmac, language, last_inbound_at)
  values (v_business.id, request ->> 'from', v_hmac, v_language, app.clock())
  on conflict (business_id, phone) do update
    set last_inbound_at = excluded.last_inbound_at,
        language = coalesce(excluded.language, leads.language),
        phone_hmac = excluded.phone_hmac
  returning * into v_lead;

  if (request ->> 'may_join')::boolean and not request ? 'joined' then
    v_previous := app.texts_to_join(v_lead.id);
    if v_previous is not null then
      return jsonb_build_object('outcome', 'joins', 'previous', v_previous, 'work', v_work);
    end if;
  end if;

  -- A delivery that was in flight at the same time has left its row by now.
  insert into app.webhook_events (provider, event_id, type)
  values ('twilio', v_sid, 'message')
  on conflict do nothing;
  if not found then
    return jsonb_build_object('outcome', 'duplicate', 'work', v_work);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, media_count, masked_count,
    twilio_sid, status
  )
  values (
    v_business.id, v_lead.id, request ->> 'to', 'inbound', 'lead', request ->> 'body',
    (request ->> 'media_count')::smallint, (request ->> 'masked_count')::smallint, v_sid, 'received'
  )
  returning id into v_message_id;
  if (request ->> 'masked_count')::integer > 0 then
    v_work := v_work || app.owe_redaction(v_message_id);
  end if;
  v_work := v_work || coalesce(app.take_media(v_message_id, request -> 'media'), '[]');

  -- The parts of a number that the text just stored would complete.
  for v_joined_id in
    update app.messages m
    set body = j.masked_body, masked_count = m.masked_count + 1
    from jsonb_to_recordset(request -> 'joined') j (message_id uuid, masked_body text)
    where m.id = j.message_id and m.lead_id = v_lead.id and m.direction = 'inbound'
    returning m.id
  loop
    v_work := v_work || coalesce(app.owe_redaction(v_joined_id), '[]');
  end loop;

  -- Who texts us can be reached.
  perform app.lift_suppressions(v_business.id, v_hmac, array['unreachable']);

  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(v_business.id, v_hmac) then 'start' else 'text'
    end;
  end if;

  -- A fixed answer is given once, and not where Twilio has given one. That to a
  -- STOP is queued while it still may be, and claimed at once: any later claim
  -- meets the suppression.
  if v_meaning = 'start' then
    perform app.lift_suppressions(v_business.id, v_hmac, array['opted_out', 'unreachable']);
    perform app.record_consent(
      v_lead, v_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
  end if;
  if v_meaning in ('help', 'start', 'stop') and not v_is_answered then
    v_fixed_text := app.fixed_text(v_business, v_meaning, v_language);
    v_work := v_work || coalesce(
      app.queue_text(v_lead.id, request ->> 'to', 'system', v_fixed_text, v_message_id) -> 'send', '[]'
    );
  end if;
  if v_meaning = 'stop' then
    if app.suppress(v_business.id, v_hmac, 'opted_out') then
      perform app.record_consent(
        v_lead, v_message_id, 'withdrawn', null, 'text', request ->> 'rule', request ->> 'body', null
      );
      -- Words of their own may be misunderstood: the owner looks.
      if (request ->> 'is_in_words')::boolean then
        perform app.flag_for_owner(v_lead.id, 'opted_out_in_words');
      end if;
    end if;
  elsif v_meaning <> 'start' and not app.is_suppressed(v_business.id, v_hmac) then
    -- An inquiry implies consent for half a year. One that comes within a month
    -- of the last that was recorded, or on top of express consent, adds nothing
    -- that is worth a row.
    select * into v_ledger
    from app.consent_ledgers
    where business_id = v_business.id and phone_hmac = v_hmac;
    if v_ledger.express_since is null
      and coalesce(v_ledger.inquiry_until < app.clock() + interval '5 months', true)
    then
      perform app.record_consent(
        v_lead, v_message_id, 'granted', 'implied_inquiry', 'text', null, null,
        app.clock() + interval '6 months'
      );
    end if;
    if v_meaning = 'text' then
      v_work := v_work || coalesce(app.owe_reply(v_message_id), '[]');
    end if;
  end if;

  return jsonb_build_object('outcome', 'received', 'work', v_work);
end;
$$;
comment on function public.receive_sms(jsonb) is
  'Takes in a text from a lead, once however often it is delivered. Returns the work it is owed, claimed for the caller.';

-- app.fixed_text stands in for them.
drop function app.help_text(app.businesses, text);
drop function app.stop_text(app.businesses, text);
drop function app.start_text(app.businesses, text);
