-- Reads that stay as short as they are, however long a conversation, how many
-- jobs wait, and whatever Postgres believes of either. Measured by
-- `cargo run --package local -- bench-scale`.

-- Ids of rows are UUIDs of version 7 and so in the order of time: what is new can
-- be found by the index on a lead's ids, without looking at what is old. As a
-- comparison of rows it cannot be taken to the index on all ids, where it would
-- meet the new texts of everybody.
create function app.first_id_at(p_time timestamptz)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select encode(
    overlay(
      decode('00000000000070008000000000000000', 'hex')
      placing substring(int8send(floor(extract(epoch from p_time) * 1000)::bigint) from 3)
      from 1 for 6
    ),
    'hex'
  )::uuid;
$$;
comment on function app.first_id_at(timestamptz) is
  'The least id that app.uuid_v7 makes at a time, to the millisecond.';

-- The lead's last three texts, as far as they are of the last ten minutes and
-- could be parts of one number: they have digits at an edge.
create or replace function app.texts_to_join(p_lead_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
  select jsonb_agg(jsonb_build_object('message_id', m.id, 'body', m.body) order by m.id)
  from (
    select *
    from app.messages
    where lead_id = p_lead_id and direction = 'inbound'
    order by id desc
    limit 3
  ) m
  where m.created_at > app.clock() - interval '10 minutes'
    and m.body ~ '^\W*[0-9٠-٩۰-۹０-９]|[0-9٠-٩۰-۹０-９]\W*$';
$$;

-- What the assistant needs to answer. History is bounded, so the work does not
-- grow with the conversation: its newest texts are read from the end of the
-- index. Postgres would rather collect all texts of a lead and sort them, as most
-- leads have few; without bitmaps it does not.
create or replace function app.reply_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
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
        and (o.lead_id, o.id) >= (l.id, app.first_id_at(app.clock() - interval '30 days'))
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
$$;

-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
-- They are more than a look-up lists (100, see lib's twilio::client), as Twilio
-- may have got the texts in another order than we made them.
-- The newest texts are read from the end of the index.
create or replace function app.send_work(p_job_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
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
        limit 150
      ) k
    )
  )
  from app.jobs j
  join app.messages m on m.id = j.message_id
  join app.leads l on l.id = m.lead_id
  where j.id = p_job_id;
$$;

-- A job is open as long as it is not finished (finished_when_not_open). Said with
-- state, Postgres looks a job up among all open ones (jobs_due_idx), of which it
-- expects none, instead of by its id.
create or replace function app.finish_job(p_job_id uuid, p_state text, p_outcome text)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set state = p_state, outcome = p_outcome, finished_at = app.clock()
  where id = p_job_id and finished_at is null;
$$;

-- Doubling from 5 seconds to a quarter of an hour, with jitter so that what
-- failed together does not come back together.
create or replace function app.postpone_job(p_job_id uuid, p_at_least interval)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = app.clock() + greatest(
    least(interval '15 minutes', interval '5 seconds' * power(2, least(attempts, 10)))
      * (0.5 + pg_catalog.random() / 2),
    p_at_least
  )
  where id = p_job_id and finished_at is null;
$$;

create or replace function app.put_off_job(p_job_id uuid, p_until timestamptz)
returns void
language sql
set search_path = ''
as $$
  update app.jobs
  set run_at = p_until, attempts = attempts - 1
  where id = p_job_id and finished_at is null;
$$;

-- Jobs nobody holds and that are due, claimed for the caller. Skips what
-- another caller is claiming at this moment, so schedulers never wait for each
-- other; oldest first, so nothing starves.
create or replace function public.claim_jobs(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_claimed uuid[];
  v_job_id uuid;
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
  if v_claimed is null then
    return jsonb_build_object('work', v_work, 'claimed', 0);
  end if;

  for v_job_id in
    select j.id
    from app.jobs j
    join app.messages m on m.id = j.message_id
    where j.id = any (v_claimed)
    order by m.lead_id, j.id
  loop
    v_work := v_work || coalesce(app.work_of(v_job_id), '[]');
  end loop;

  -- All that was due may have been put off; the caller comes again only for more.
  return jsonb_build_object('work', v_work, 'claimed', cardinality(v_claimed));
end;
$$;
