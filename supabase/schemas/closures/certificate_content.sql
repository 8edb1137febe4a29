-- Ids, counts, dates, hashes. lib writes it canonically, and signs it.
create function app.certificate_content(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'format', 'leadslock deletion certificate 1',
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'requested_at', app.ledger_time(p_closure.requested_at),
    'purge_at', app.ledger_time(p_closure.purge_at),
    'restored_at', app.ledger_time(p_closure.restored_at),
    'issued_at', app.ledger_time(app.clock()),
    'sealed_rows', p_closure.counts,
    'receipts', (
      select jsonb_agg(
        jsonb_build_object('step', r.step, 'at', app.ledger_time(r.at), 'detail', r.detail)
        order by array_position(app.closure_steps(), r.step)
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'kept', jsonb_build_array(
      'opt-outs, as keyed hashes of phone numbers', 'audit events, without personal data',
      'invoices at Stripe, which the law wants kept'
    )
  );
$$;
comment on function app.certificate_content(app.closures) is 'What the certificate of a closure says.';
