-- What became of an attempt to empty a text at Twilio.
create function public.settle_redaction(request jsonb)
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
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.postpone_job(v_job.id, interval '0');
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_redaction(jsonb) is
  'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;
