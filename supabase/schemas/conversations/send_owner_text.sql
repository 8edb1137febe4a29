-- Sends what the owner wrote, through the gate like any text. A form that is
-- posted again (request_id) is answered as before, and sends nothing.
create function public.send_owner_text(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_request_id uuid := (request ->> 'request_id')::uuid;
  v_time_zone text;
  v_sender app.e164;
  v_message app.messages;
  v_queued jsonb;
begin
  -- Of two posts at once the second waits here, and then finds the first's text.
  -- Whoever has erased the lead meanwhile has left no row.
  perform from app.leads where id = v_lead.id for no key update;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;
  select * into v_message
  from app.messages
  where lead_id = v_lead.id and request_id = v_request_id;
  if found then
    return jsonb_build_object(
      'outcome', 'queued', 'message_id', v_message.id, 'legal_basis', v_message.legal_basis,
      'is_repeat', true
    );
  end if;

  v_sender := app.sender_for(v_lead);
  if v_sender is null then
    return jsonb_build_object('outcome', 'refused', 'reason', 'no_number');
  end if;
  v_queued := app.queue_text(v_lead.id, v_sender, 'owner', request ->> 'body', null);
  if v_queued ->> 'outcome' = 'refused' then
    select b.time_zone into v_time_zone from app.businesses b where b.id = v_lead.business_id;
    return v_queued || jsonb_build_object(
      'retry_at', case
        when v_queued ->> 'reason' = 'quiet_hours'
          then app.moment(app.quiet_until(v_lead.phone, v_time_zone), v_time_zone)
      end
    );
  end if;

  update app.messages
  set request_id = v_request_id, masked_count = (request ->> 'masked_count')::smallint
  where id = (v_queued ->> 'message_id')::uuid
  returning * into v_message;
  -- Who answers has looked.
  update app.leads
  set needs_owner_since = null, needs_owner_reason = null
  where id = v_lead.id and needs_owner_since is not null;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_lead.business_id, 'owner', 'owner_texted', v_message.id);
  return v_queued || jsonb_build_object('legal_basis', v_message.legal_basis, 'is_repeat', false);
end;
$$;
comment on function public.send_owner_text(jsonb) is
  'Queues a text of the owner''s (body, masked_count) to a lead (lead_id), once for each request_id. Outcome: queued (with the text to send), or refused (why, and from when another try makes sense).';
grant execute on function public.send_owner_text(jsonb) to service_role;
