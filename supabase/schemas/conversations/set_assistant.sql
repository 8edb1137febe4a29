-- Invariant: Who answers a lead, the gate knows. leads.taken_over_at is read and set
-- under the lead's lock, so of an answer being made and an owner who takes over, one
-- sees the other. Help and the confirmations of STOP and START go out all the same.
--
-- The owner takes over from the assistant (answers: false), or hands back.
--
-- Answers that are owed, or wait for their turn, are withheld. One that Twilio may
-- have is on its way; one that is being made meets the gate. Jobs first, then the
-- lead: only the newest texts' are looked for, the gate has the rest.
create function public.set_assistant(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_answers boolean := (request ->> 'answers')::boolean;
  v_jobs uuid[];
  v_withheld integer;
  v_is_waiting boolean;
begin
  if not v_answers then
    select array_agg(o.id) into v_jobs
    from (
      select j.id
      from (
        select m.id
        from app.messages m
        where m.lead_id = v_lead.id
        order by m.id desc
        limit 200
      ) m
      join app.jobs j on j.message_id = m.id
      where j.kind in ('reply', 'send') and j.finished_at is null
    ) o;
    perform from app.jobs j where j.id = any (v_jobs) order by j.id for no key update;
  end if;

  update app.leads
  set taken_over_at = case when not v_answers then coalesce(taken_over_at, app.clock()) end
  where id = v_lead.id
  returning * into v_lead;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  end if;

  v_withheld := app.withhold_answers(v_jobs);
  -- What was withheld was no answer.
  if v_withheld > 0 then
    update app.conversations
    set is_unanswered = not app.is_suppressed(v_lead.business_id, v_lead.phone_hmac)
    where lead_id = v_lead.id;
  end if;
  select c.is_unanswered into v_is_waiting from app.conversations c where c.lead_id = v_lead.id;
  if not v_answers and v_is_waiting then
    perform app.flag_for_owner(v_lead.id, 'taken_over');
  end if;

  insert into app.audit_events (business_id, actor, action, subject_id)
  values (
    v_lead.business_id, 'owner',
    case when v_answers then 'assistant_resumed' else 'assistant_paused' end, v_lead.id
  );
  return jsonb_build_object('answers', v_answers, 'withheld', v_withheld);
end;
$$;
comment on function public.set_assistant(jsonb) is
  'Says whether the assistant answers a lead (lead_id, answers). Returns how many answers are withheld for it.';
grant execute on function public.set_assistant(jsonb) to service_role;
