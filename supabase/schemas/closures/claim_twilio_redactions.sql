create function public.claim_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with claimed as (
    update app.twilio_redactions
    set run_at = app.clock() + app.lease('redact'), attempts = attempts + 1
    where message_sid in (
      select message_sid
      from app.twilio_redactions
      where run_at <= app.clock()
      order by run_at
      limit (request ->> 'limit')::integer
      for update skip locked
    )
    returning message_sid, media_sids
  )
  select jsonb_build_object(
    'texts', coalesce(
      jsonb_agg(jsonb_build_object('message_sid', c.message_sid, 'media_sids', c.media_sids)), '[]'
    )
  )
  from claimed c;
$$;
comment on function public.claim_twilio_redactions(jsonb) is
  'Claims texts that Twilio is to forget, as many as limit says.';
grant execute on function public.claim_twilio_redactions(jsonb) to service_role;
