-- What the assistant needs to answer. History is bounded, so the work does not
-- grow with the conversation: its newest texts are read from the end of the
-- index. Postgres would rather collect all texts of a lead and sort them, as most
-- leads have few; without bitmaps it does not.
create function app.reply_work(p_job_id uuid)
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
comment on function app.reply_work(uuid) is 'A claimed reply job, as the assistant gets it.';
