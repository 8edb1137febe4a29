-- What became of a text's pictures, so far. What is settled stays as it is: a
-- holder that comes late has the same bytes, or none.
create function public.settle_media(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_job app.jobs := app.lock_job(request);
begin
  if not app.is_held(v_job, request) then
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
    perform app.retry_job(v_job.id);
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_media(jsonb) is
  'Records which pictures of a text are stored or refused, and which of them Twilio has removed. Ends the job with the last, or has the rest tried again.';
grant execute on function public.settle_media(jsonb) to service_role;
