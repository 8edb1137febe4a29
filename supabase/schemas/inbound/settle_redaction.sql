-- What became of an attempt to empty a text at Twilio.
create function public.settle_redaction(request jsonb)
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
  if (request ->> 'is_redacted')::boolean then
    perform app.finish_job(v_job.id, 'done', 'redacted');
  else
    perform app.retry_job(v_job.id);
  end if;
  return jsonb_build_object('outcome', 'settled');
end;
$$;
comment on function public.settle_redaction(jsonb) is
  'Ends a redact job if the text is empty at Twilio, or has it tried again.';
grant execute on function public.settle_redaction(jsonb) to service_role;
