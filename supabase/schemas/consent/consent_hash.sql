-- Lines that name what is hashed are left out on purpose: the order below is
-- the format, and its number is in the first line. Documented in
-- docs/consent-ledger.md, so that anybody can check an export without us.
create function app.consent_hash(p_event app.consent_events)
returns bytea
language sql
stable
set search_path = ''
as $$
  select sha256(
    convert_to(
      concat_ws(
        e'\n',
        'leadslock consent event 1',
        p_event.id,
        p_event.business_id,
        encode(p_event.phone_hmac, 'hex'),
        p_event.sequence,
        p_event.lead_id,
        coalesce(p_event.message_id::text, '-'),
        p_event.change,
        coalesce(p_event.basis, '-'),
        p_event.source,
        coalesce(p_event.rule, '-'),
        coalesce(encode(p_event.wording_digest, 'hex'), '-'),
        app.ledger_time(p_event.at),
        coalesce(app.ledger_time(p_event.expires_at), '-'),
        encode(p_event.previous_hash, 'hex')
      ),
      'UTF8'
    )
  );
$$;
comment on function app.consent_hash(app.consent_events) is
  'The link of the chain that a row of evidence makes: SHA-256 over its fields and the link before.';
