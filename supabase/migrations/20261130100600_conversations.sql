-- The baseline: conversations as owners see them.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

create function app.conversation_lines(p_business_id uuid, p_leads uuid[], p_time_zone text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'lead', l.id,
      'name', l.name,
      'phone', l.phone,
      'last_text', case
        when m.id is not null then jsonb_build_object(
          'author', m.author,
          'body', left(m.body, 160),
          'is_cut', char_length(m.body) > 160,
          'media_count', m.media_count,
          'at', app.moment(m.created_at, p_time_zone),
          'status', m.status
        )
      end,
      'flag', l.needs_owner_reason,
      'flagged_at', app.moment(l.needs_owner_since, p_time_zone),
      'is_unanswered', coalesce(c.is_unanswered, false),
      'assistant_answers', l.taken_over_at is null,
      'suppressed', o.reason
    )
    order by t.place
  ), '[]')
  from unnest(p_leads) with ordinality t (lead_id, place)
  join app.leads l on l.id = t.lead_id
  left join app.conversations c on c.lead_id = l.id
  left join app.messages m on m.id = c.last_message_id
  left join lateral (
    select s.reason
    from app.sender_numbers n
    join app.suppressions s on s.sender_phone = n.phone and s.phone_hmac = l.phone_hmac
    where n.business_id = p_business_id
    -- An opt-out comes before what carriers say.
    order by s.reason
    limit 1
  ) o on true;
$$;
comment on function app.conversation_lines(uuid, uuid[], text) is
  'What the list of conversations says of each lead, in the order of the leads.';
grant execute on function app.conversation_lines(uuid, uuid[], text) to authenticated;

-- Invariant: A list costs a page. It is read from an index in the list's order, one row
-- more than is shown, and goes on after an id or a time: never after a name or a number,
-- which have no place in a URL. Which text is a conversation's newest is in
-- app.conversations, kept by a trigger under the lead's lock.
--
-- Read from an index in the list's order, one row more than a page has.
create function app.conversation_page(
  p_business_id uuid, p_filter text, p_before_id uuid, p_before timestamptz,
  out leads uuid[], out cursors text[]
)
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_filter = 'all' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into leads, cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = p_business_id and c.last_message_id < p_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif p_filter = 'unanswered' then
    select array_agg(p.lead_id order by p.last_message_id desc),
      array_agg(p.last_message_id::text order by p.last_message_id desc)
    into leads, cursors
    from (
      select c.lead_id, c.last_message_id
      from app.conversations c
      where c.business_id = p_business_id and c.is_unanswered and c.last_message_id < p_before_id
      order by c.last_message_id desc
      limit 101
    ) p;
  elsif p_filter = 'flagged' then
    select array_agg(p.id order by p.needs_owner_since desc, p.id desc),
      array_agg(app.time_cursor(p.needs_owner_since, p.id) order by p.needs_owner_since desc, p.id desc)
    into leads, cursors
    from (
      select l.id, l.needs_owner_since
      from app.leads l
      where l.business_id = p_business_id
        and l.needs_owner_since is not null
        and (l.needs_owner_since, l.id) < (p_before, p_before_id)
      order by l.needs_owner_since desc, l.id desc
      limit 101
    ) p;
  elsif p_filter = 'opted_out' then
    select array_agg(p.lead_id order by p.suppressed_at desc, p.lead_id desc),
      array_agg(
        app.time_cursor(p.suppressed_at, p.lead_id) order by p.suppressed_at desc, p.lead_id desc
      )
    into leads, cursors
    from (
      select c.lead_id, c.suppressed_at
      from app.conversations c
      where c.business_id = p_business_id
        and c.suppressed_at is not null
        and (c.suppressed_at, c.lead_id) < (p_before, p_before_id)
      order by c.suppressed_at desc, c.lead_id desc
      limit 101
    ) p;
  else
    perform app.refuse('malformed', 'there is no such filter');
  end if;
end;
$$;
comment on function app.conversation_page(uuid, text, uuid, timestamptz) is
  'The leads of a page of conversations by filter, the newest first, and from where the list goes on after each.';
grant execute on function app.conversation_page(uuid, text, uuid, timestamptz) to authenticated;

create function public.list_conversations(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_shop jsonb := app.shop_header(null);
  v_business_id uuid := (v_shop ->> 'id')::uuid;
  v_limit integer := app.page_size(request);
  v_leads uuid[];
  v_cursors text[];
begin
  select p.leads, p.cursors into v_leads, v_cursors
  from app.conversation_page(
    v_business_id, coalesce(request ->> 'filter', 'all'), app.cursor_id(request ->> 'before'),
    app.cursor_time(request ->> 'before')
  ) p;
  return jsonb_build_object(
    'shop', v_shop,
    'conversations', app.conversation_lines(
      v_business_id, v_leads[:v_limit], v_shop ->> 'time_zone'
    ),
    'next', case when cardinality(v_leads) > v_limit then v_cursors[v_limit] end
  );
end;
$$;
comment on function public.list_conversations(jsonb) is
  'A page (limit, before) of conversations, by filter: all, unanswered, flagged or opted_out; the newest first.';
grant execute on function public.list_conversations(jsonb) to authenticated;

create function public.read_conversation(request jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead app.leads := app.own_lead(request);
  v_shop jsonb := app.shop_header(v_lead.business_id);
  v_time_zone text := v_shop ->> 'time_zone';
  v_limit integer := app.page_size(request);
  v_before_id uuid := app.cursor_id(request ->> 'before');
  v_texts jsonb;
  v_ids uuid[];
begin
  select array_agg(p.id order by p.id desc),
    jsonb_agg(
      jsonb_build_object(
        'id', p.id,
        'author', p.author,
        'body', p.body,
        'masked_count', p.masked_count,
        'at', app.moment(p.created_at, v_time_zone),
        'status', p.status,
        'error_code', p.error_code,
        'legal_basis', p.legal_basis,
        'media', case when p.media_count > 0 then app.media_view(p.id) else '[]' end
      )
      order by p.id desc
    )
  into v_ids, v_texts
  from (
    select q.*
    from (
      select m.id, m.author, m.body, m.masked_count, m.media_count, m.created_at, m.status,
        m.error_code, m.legal_basis
      from app.messages m
      where m.lead_id = v_lead.id and m.id < v_before_id
      order by m.id desc
      limit 101
    ) q
    order by q.id desc
    limit v_limit + 1
  ) p;

  return jsonb_build_object(
    'shop', v_shop,
    'lead', app.lead_view(v_lead, v_time_zone),
    'consent', app.consent_view(v_lead, v_time_zone),
    'texts', coalesce(
      case when cardinality(v_ids) > v_limit then v_texts - v_limit else v_texts end, '[]'
    ),
    'next', case when cardinality(v_ids) > v_limit then v_ids[v_limit] end
  );
end;
$$;
comment on function public.read_conversation(jsonb) is
  'A page (limit, before) of the texts with a lead (lead_id), the newest first.';
grant execute on function public.read_conversation(jsonb) to authenticated;

-- Sends what the owner wrote, through the gate like any text. A form that is
-- posted again (request_id) is answered as before, and sends nothing.
create function public.send_owner_text(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_request_id uuid := (request ->> 'request_id')::uuid;
  v_time_zone text;
  v_sender app.e164;
  v_message app.messages;
  v_queued jsonb;
begin
  -- Of two posts at once the second waits here, and then finds the first's text.
  -- Whoever has erased the lead meanwhile has left no row.
  perform from app.leads where id = v_lead.id for no key update;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  select * into v_message
  from app.messages
  where lead_id = v_lead.id and request_id = v_request_id;
  if found then
    return jsonb_build_object(
      'outcome', 'queued', 'message_id', v_message.id, 'legal_basis', v_message.legal_basis,
      'is_repeat', true
    );
  end if;

  v_sender := app.sender_for(v_lead);
  if v_sender is null then
    return jsonb_build_object('outcome', 'refused', 'reason', 'no_number');
  end if;
  v_queued := app.queue_text(v_lead.id, v_sender, 'owner', request ->> 'body', null);
  if v_queued ->> 'outcome' = 'refused' then
    select b.time_zone into v_time_zone from app.businesses b where b.id = v_lead.business_id;
    return v_queued || jsonb_build_object(
      'retry_at', case
        when v_queued ->> 'reason' = 'quiet_hours'
          then app.moment(app.quiet_until(v_lead.phone, v_time_zone), v_time_zone)
      end
    );
  end if;

  update app.messages
  set request_id = v_request_id, masked_count = (request ->> 'masked_count')::smallint
  where id = (v_queued ->> 'message_id')::uuid
  returning * into v_message;
  -- Who answers has looked.
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'owner_texted', v_message.id);
  return v_queued || jsonb_build_object('legal_basis', v_message.legal_basis, 'is_repeat', false);
end;
$$;
comment on function public.send_owner_text(jsonb) is
  'Queues a text of the owner''s (body, masked_count) to a lead (lead_id), once for each request_id. Outcome: queued (with the text to send), or refused (why, and from when another try makes sense).';
grant execute on function public.send_owner_text(jsonb) to service_role;

-- Invariant: Who answers a lead, the gate knows. leads.taken_over_at is read and set
-- under the lead's lock, so of an answer being made and an owner who takes over, one
-- sees the other. Help and the confirmations of STOP and START go out all the same.
--
-- The owner takes over from the assistant (answers: false), or hands back.
--
-- Answers that are owed, or wait for their turn, are withheld. One that Twilio may
-- have is on its way; one that is being made meets the gate. Jobs first, then the
-- lead: only the newest texts' are looked for, the gate has the rest.
create function public.set_assistant(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_answers boolean := (request ->> 'answers')::boolean;
  v_jobs uuid[];
  v_withheld integer;
  v_is_waiting boolean;
begin
  if not v_answers then
    select array_agg(o.id) into v_jobs
    from (
      select j.id
      from (
        select m.id
        from app.messages m
        where m.lead_id = v_lead.id
        order by m.id desc
        limit 200
      ) m
      join app.jobs j on j.message_id = m.id
      where j.kind in ('reply', 'send') and j.finished_at is null
    ) o;
    perform from app.jobs j where j.id = any (v_jobs) order by j.id for no key update;
  end if;

  update app.leads
  set taken_over_at = case when not v_answers then coalesce(taken_over_at, app.clock()) end
  where id = v_lead.id
  returning * into v_lead;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;

  v_withheld := app.withhold_answers(v_jobs);
  -- What was withheld was no answer.
  if v_withheld > 0 then
    update app.conversations
    set is_unanswered = not app.is_suppressed(v_lead.business_id, v_lead.phone_hmac)
    where lead_id = v_lead.id;
  end if;
  select c.is_unanswered into v_is_waiting from app.conversations c where c.lead_id = v_lead.id;
  if not v_answers and v_is_waiting then
    perform app.flag_for_owner(v_lead.id, 'taken_over');
  end if;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    v_lead.business_id, 'owner',
    case when v_answers then 'assistant_resumed' else 'assistant_paused' end, v_lead.id
  );
  return jsonb_build_object('answers', v_answers, 'withheld', v_withheld);
end;
$$;
comment on function public.set_assistant(jsonb) is
  'Says whether the assistant answers a lead (lead_id, answers). Returns how many answers are withheld for it.';
grant execute on function public.set_assistant(jsonb) to service_role;

create function app.withhold_answers(p_jobs uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_job app.jobs;
  v_withheld integer := 0;
begin
  for v_job in
    select j.*
    from app.jobs j
    where j.id = any (p_jobs) and j.finished_at is null
    order by j.id
  loop
    if v_job.kind = 'send' then
      update app.messages
      set status = 'withheld'
      where id = v_job.message_id
        and author = 'assistant'
        and status = 'pending'
        and attempted_at is null;
      continue when not found;
    end if;
    perform app.finish_job(v_job.id, 'done', 'refused_taken_over');
    v_withheld := v_withheld + 1;
  end loop;
  return v_withheld;
end;
$$;
comment on function app.withhold_answers(uuid[]) is
  'Withholds the assistant''s answers that these jobs, which the caller has locked, would make or send, but for those that Twilio may have. Returns how many.';

reset check_function_bodies;
