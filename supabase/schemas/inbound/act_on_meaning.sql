-- What the text changes of consent, and the answer it is owed.
create function app.act_on_meaning(
  p_business app.businesses, p_lead app.leads, p_message_id uuid, request jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_meaning text := request ->> 'meaning';
  v_fixed_text text;
  v_work jsonb := '[]';
begin
  -- "Yes" opts in only who is out; to anyone else it is an answer.
  if v_meaning = 'yes' then
    v_meaning := case
      when app.is_suppressed(p_lead.business_id, p_lead.phone_hmac) then 'start' else 'text'
    end;
  end if;

  if v_meaning = 'start' then
    perform app.lift_suppressions(
      p_lead.business_id, p_lead.phone_hmac, array['opted_out', 'unreachable']
    );
    perform app.record_consent(
      p_lead, p_message_id, 'granted', 'express', 'text', request ->> 'rule', request ->> 'body', null
    );
  end if;
  -- A fixed answer is given once, and not where Twilio has given one. That to a
  -- STOP is queued while it still may be, and claimed at once: any later claim
  -- meets the suppression.
  if v_meaning in ('help', 'start', 'stop') and not (request ->> 'is_answered_by_twilio')::boolean then
    v_fixed_text := app.fixed_text(p_business, v_meaning, request ->> 'language');
    v_work := coalesce(
      app.queue_text(p_lead.id, request ->> 'to', 'system', v_fixed_text, p_message_id) -> 'send', '[]'
    );
  end if;
  if v_meaning = 'stop' then
    perform app.record_stop(p_lead, p_message_id, request);
  elsif v_meaning <> 'start' and not app.is_suppressed(p_lead.business_id, p_lead.phone_hmac) then
    perform app.note_inquiry(p_lead, p_message_id);
    if v_meaning = 'text' then
      v_work := v_work || coalesce(app.owe_reply(p_message_id), '[]');
    end if;
  end if;
  return v_work;
end;
$$;
comment on function app.act_on_meaning(app.businesses, app.leads, uuid, jsonb) is
  'Does what a lead''s text means for consent, and returns the work it is owed.';
