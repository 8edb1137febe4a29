-- A row is put back as it was, but for what must not be: who was erased meanwhile,
-- texts that were owed, what is paid.
create function app.row_to_restore(p_closure app.closures, p_table text, p_row jsonb)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  case p_table
    when 'businesses' then
      return p_row || '{"state": "closed"}';
    when 'subscriptions' then
      -- Stripe has cancelled it, whether that was stored then or not.
      if p_row ->> 'status' not in ('canceled', 'incomplete_expired') then
        return p_row || jsonb_build_object(
          'status', 'canceled',
          'canceled_at', coalesce(p_row ->> 'canceled_at', p_closure.requested_at::text)
        );
      end if;
    when 'leads' then
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return null;
      end if;
    when 'messages' then
      if not exists (select from app.leads where id = (p_row ->> 'lead_id')::uuid) then
        return null;
      end if;
    when 'consent_events' then
      -- As app.erase_lead does: the evidence stays, in nobody's words.
      if exists (
        select
        from app.erased_leads
        where closure_id = p_closure.id and phone_hmac = (p_row ->> 'phone_hmac')::bytea
      ) then
        return p_row || '{"wording": null, "wording_salt": null}';
      end if;
    when 'media', 'status_events', 'jobs' then
      if not exists (select from app.messages where id = (p_row ->> 'message_id')::uuid) then
        return null;
      elsif p_table = 'jobs' and p_row ->> 'state' = 'open' and p_row ->> 'kind' in ('reply', 'send')
      then
        return p_row || jsonb_build_object(
          'state', 'done', 'outcome', 'business_not_active', 'finished_at', app.clock()
        );
      end if;
    else null;
  end case;
  return p_row;
end;
$$;
comment on function app.row_to_restore(app.closures, text, jsonb) is
  'A row of a backup as it is put back; null if it is not.';
