-- What a sender needs to know, and no more. known_sids are the texts to this
-- lead we know Twilio has: a look-up that finds another has found this one.
-- They are more than a look-up lists (100, see lib's twilio::client), as Twilio
-- may have got the texts in another order than we made them.
-- The newest texts are read from the end of the index.
create function app.send_work(p_job_id uuid)
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
    'attempted_seconds_ago', extract(epoch from app.clock() - m.attempted_at),
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
comment on function app.send_work(uuid) is 'A claimed send job, as the sender gets it.';
