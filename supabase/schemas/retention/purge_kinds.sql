-- Each kind has an order in which its oldest rows come first, by an index: of ids
-- of version 7 the time in them, or a column. auth.audit_log_entries has neither,
-- and is Auth's to index: it is read through, some pages at a time.
create function app.purge_kinds()
returns table (kind text, relation text, key text, key_type text, condition text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      'webhook_events_stripe', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'stripe'$c$
    ),
    (
      'webhook_events_message', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'message'$c$
    ),
    (
      'webhook_events_status', 'app.webhook_events', 'received_at', 'timestamptz',
      $c$provider = 'twilio' and type = 'status'$c$
    ),
    ('status_events', 'app.status_events', 'id', 'uuid', 'received_at < $1'),
    ('jobs_done', 'app.jobs', 'id', 'uuid', $c$state = 'done' and finished_at < $1$c$),
    ('jobs_dead', 'app.jobs', 'id', 'uuid', $c$state = 'dead' and finished_at < $1$c$),
    ('exports', 'app.exports', 'expires_at', 'timestamptz', $c$state = 'expired'$c$),
    ('refusals', 'app.refusals', 'day', 'date', 'true'),
    (
      'consent', 'app.consent_ledgers', 'orphaned_at', 'timestamptz',
      'not exists (
         select
         from app.leads l
         where l.business_id = t.business_id and l.phone_hmac = t.phone_hmac
       )'
    ),
    ('erased_leads', 'app.erased_leads', 'at', 'timestamptz', 'true'),
    ('audit_events', 'app.audit_events', 'id', 'uuid', 'at < $1'),
    ('retention_runs', 'app.retention_runs', 'id', 'uuid', 'started_at < $1'),
    ('auth_audit', 'auth.audit_log_entries', 'ctid', 'tid', 'created_at < $1');
$$;
comment on function app.purge_kinds() is
  'What can be purged, a closed list: the table, the key by which its oldest rows come first, and which of them go ($1 is the time they are older than).';
