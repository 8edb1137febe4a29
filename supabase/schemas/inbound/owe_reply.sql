-- As before, and what the owner answers is owed by nobody else. Its callers hold
-- the lead's lock.
create function app.owe_reply(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_message app.messages;
  v_job_id uuid;
begin
  select * into strict v_message from app.messages where id = p_message_id;
  if not exists (
    select from app.businesses where id = v_message.business_id and state = 'active'
  ) then
    return null;
  end if;
  if not app.billing_allows(v_message.business_id) then
    perform app.flag_for_owner(v_message.lead_id, 'billing');
    return null;
  end if;
  if exists (
    select from app.leads where id = v_message.lead_id and taken_over_at is not null
  ) then
    perform app.flag_for_owner(v_message.lead_id, 'taken_over');
    return null;
  end if;
  v_job_id := app.owe_job('reply', p_message_id);
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody, does not pay, or its owner answers.';
