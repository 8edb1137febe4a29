-- The baseline: pictures that come with texts.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

create function app.media_view(p_message_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'position', d.position,
        'state', d.state,
        'found_type', d.found_type,
        'byte_count', d.byte_count,
        'storage_path', case when d.state = 'stored' then d.storage_path end
      )
      order by d.position
    ),
    '[]'
  )
  from app.media d
  where d.message_id = p_message_id;
$$;
comment on function app.media_view(uuid) is 'What the console says of what came with a text.';
grant execute on function app.media_view(uuid) to authenticated;

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

reset check_function_bodies;
