create function app.consent_events_told(p_business_id uuid, p_phone_hmac bytea)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'id', e.id,
        'sequence', e.sequence,
        'lead_id', e.lead_id,
        'message_id', e.message_id,
        'change', e.change,
        'basis', e.basis,
        'source', e.source,
        'rule', e.rule,
        'wording', e.wording,
        'wording_salt', encode(e.wording_salt, 'hex'),
        'wording_digest', encode(e.wording_digest, 'hex'),
        'at', app.ledger_time(e.at),
        'expires_at', app.ledger_time(e.expires_at),
        'previous_hash', encode(e.previous_hash, 'hex'),
        'hash', encode(e.hash, 'hex')
      )
      order by e.sequence
    ),
    '[]'
  )
  from app.consent_events e
  where e.business_id = p_business_id and e.phone_hmac = p_phone_hmac;
$$;
comment on function app.consent_events_told(uuid, bytea) is
  'The chain of evidence of one phone number at one shop, from its beginning.';
