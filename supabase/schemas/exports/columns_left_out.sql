-- Why each is left out, lib says (data::tables); a test compares the two whole.
create function app.columns_left_out(p_table text, p_purpose text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(l.name)
  from (
    values
      ('businesses', 'owner_id', 'bundle'),
      ('businesses', 'version', 'bundle'),
      ('subscriptions', 'business_id', 'bundle'),
      ('subscriptions', 'version', 'bundle'),
      ('sender_numbers', 'business_id', 'bundle'),
      ('leads', 'business_id', 'both'),
      ('leads', 'name_key', 'both'),
      ('leads', 'version', 'both'),
      ('leads', 'phone_hmac', 'person'),
      ('messages', 'business_id', 'both'),
      ('messages', 'request_id', 'both'),
      ('messages', 'lead_id', 'person'),
      ('messages', 'twilio_sid', 'person'),
      ('messages', 'attempted_at', 'person'),
      ('consent_events', 'business_id', 'both'),
      ('consent_events', 'id', 'person'),
      ('consent_events', 'lead_id', 'person'),
      ('consent_events', 'phone_hmac', 'person'),
      ('consent_events', 'wording_salt', 'person'),
      ('consent_events', 'wording_digest', 'person'),
      ('consent_events', 'previous_hash', 'person'),
      ('consent_events', 'hash', 'person'),
      ('suppressions', 'phone_hmac', 'person'),
      ('audit_events', 'business_id', 'bundle'),
      ('media', 'business_id', 'both'),
      ('media', 'storage_path', 'person'),
      ('media', 'twilio_sid', 'person'),
      ('media', 'sha256', 'person'),
      ('media', 'settled_at', 'person'),
      ('media', 'removed_at', 'person')
  ) l (relation, name, purpose)
  where l.relation = p_table and l.purpose in (p_purpose, 'both');
$$;
comment on function app.columns_left_out(text, text) is
  'The columns of a table that its owner''s bundle (bundle) or a person''s file (person) does not hold.';
