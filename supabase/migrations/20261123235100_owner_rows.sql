-- Which rows an owner may read, and that they may read them.
--
-- Owners' calls come with their own token, as the role authenticated. It may read
-- the columns below, of the rows that a policy leaves, and write nothing at all.
-- supabase/tests/catalog.sql holds every table to this, those of next year too.

grant usage on schema app to authenticated;

-- The shops of whoever makes the request, if the session stands and has shown
-- every factor; refuses the call else. Each policy asks it, once for a statement.
--
-- Security definer, the only such function an owner may call: sessions are in
-- the schema auth. It takes no argument and tells a caller only about themselves.
create function app.own_business_ids()
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims jsonb := auth.jwt();
  v_owner_id uuid;
begin
  -- A token that the owner has given to another application, or nobody's.
  if v_claims ? 'client_id' or coalesce((v_claims ->> 'is_anonymous')::boolean, false) then
    raise sqlstate 'PT401' using message = 'the session is not an owner''s';
  end if;
  v_owner_id := app.require_session(jsonb_build_object(
    'user_id', v_claims ->> 'sub', 'session_id', v_claims ->> 'session_id', 'aal', v_claims ->> 'aal'
  ));
  return array(select b.id from app.businesses b where b.owner_id = v_owner_id);
end;
$$;
comment on function app.own_business_ids() is
  'The shops of the owner who makes the request; refuses it if the session has ended.';
grant execute on function app.own_business_ids() to authenticated;

-- In a select of its own, so that it is evaluated once and not for each row.
create policy own on app.businesses for select to authenticated
using (id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.sender_numbers for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.leads for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.conversations for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.messages for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.media for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.consent_events for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.consent_ledgers for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.exports for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.subscriptions for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
create policy own on app.audit_events for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
-- Suppressions name a number of the shop's, and no shop.
create policy own on app.suppressions for select to authenticated
using (
  sender_phone in (
    select n.phone
    from app.sender_numbers n
    where n.business_id = any ((select app.own_business_ids())::uuid[])
  )
);

-- Columns by name: one that is added later is closed until it is listed.
grant select (
  id, owner_id, name, mailing_address, contact_email, contact_phone, website, time_zone, language,
  about, instructions, state, created_at, updated_at, version
) on app.businesses to authenticated;
grant select (phone, business_id, created_at) on app.sender_numbers to authenticated;
grant select (
  id, business_id, phone, phone_hmac, name, name_key, email, notes, language, needs_owner_since,
  needs_owner_reason, created_at, last_inbound_at, version, taken_over_at
) on app.leads to authenticated;
grant select (lead_id, business_id, last_message_id, is_unanswered, suppressed_at)
on app.conversations to authenticated;
grant select (
  id, business_id, lead_id, direction, author, body, media_count, masked_count, legal_basis, status,
  error_code, created_at
) on app.messages to authenticated;
grant select (
  message_id, position, business_id, state, found_type, byte_count, storage_path
) on app.media to authenticated;
grant select (
  business_id, lead_id, change, basis, source, rule, wording, at, expires_at, phone_hmac, sequence
) on app.consent_events to authenticated;
grant select (business_id, phone_hmac, length, express_since, inquiry_until, purchase_until)
on app.consent_ledgers to authenticated;
grant select (
  id, business_id, format, state, requested_at, due_on, snapshot_at, rows_total, rows_done,
  byte_count, sha256, expires_at
) on app.exports to authenticated;
grant select (
  id, business_id, customer_id, status, price_id, current_period_start, current_period_end,
  trial_end, cancel_at, cancel_at_period_end, canceled_at, is_collection_paused, unpaid_since,
  created_at, version, fetched_at
) on app.subscriptions to authenticated;
grant select (id, business_id, actor, action, subject_id, at) on app.audit_events to authenticated;
grant select (sender_phone, phone_hmac, reason, since) on app.suppressions to authenticated;

-- What these ask in their turn. They read with the caller's rights.
grant execute on function app.clock() to authenticated;
grant execute on function app.ledger_time(timestamptz) to authenticated;
grant execute on function app.is_served(text) to authenticated;
grant execute on function app.payment_grace() to authenticated;
grant execute on function app.subscription_standing(app.subscriptions) to authenticated;
grant execute on function app.billing_standing(uuid) to authenticated;
