-- As before, and says which text it wrote.
create function app.queue_text(
  p_lead_id uuid, p_sender_phone app.e164, p_author text, p_body text, p_in_reply_to uuid
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_answer app.gate_answer := app.gate(p_lead_id, p_author, p_in_reply_to);
  v_turn timestamptz;
  v_message_id uuid;
  v_job_id uuid;
begin
  if v_answer.refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', v_answer.refusal);
  end if;
  -- A confirmation comes at once or, after a STOP, never.
  if p_author <> 'system' then
    v_turn := app.paced_until(p_sender_phone, false);
  end if;

  insert into app.messages (
    business_id, lead_id, sender_phone, direction, author, body, in_reply_to, legal_basis, status,
    attempted_at
  )
  select business_id, id, p_sender_phone, 'outbound', p_author, p_body, p_in_reply_to,
    v_answer.legal_basis, 'pending', case when v_turn is null then app.clock() end
  from app.leads
  where id = p_lead_id
  returning id into v_message_id;

  v_job_id := app.owe_job('send', v_message_id, p_run_at => v_turn);
  if v_turn is not null then
    return jsonb_build_object('outcome', 'queued', 'message_id', v_message_id);
  end if;
  return jsonb_build_object(
    'outcome', 'queued', 'message_id', v_message_id, 'send', app.send_work(v_job_id)
  );
end;
$$;
comment on function app.queue_text(uuid, app.e164, text, text, uuid) is
  'Writes an outbound text and, unless its number must pause, claims it for sending, if the gate lets it through.';
