-- Retention and accounts that are closed: their evidence goes with them, sealed,
-- and a closure that is late is a missed deadline.

create function app.is_being_erased(p_business_id uuid)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.closures
    where business_id = p_business_id
      and state = 'open'
      and step in ('rows', 'key')
      and restored_at is null
  );
$$;
comment on function app.is_being_erased(uuid) is
  'Whether an account is sealed, or has been, and its rows are to go.';

create or replace trigger consent_ledgers_stay
  before delete on app.consent_ledgers
  for each row when (not app.is_being_erased(old.business_id))
  execute function app.refuse_early_deletion('orphaned_at', '3 years');
create or replace trigger consent_events_go_with_their_chain
  before delete on app.consent_events
  for each row when (not app.is_being_erased(old.business_id))
  execute function app.refuse_gap_in_evidence();
-- What these do, one of them did.
drop function app.refuse_loss_of_evidence();

alter table app.backup_chunks alter column lines set statistics 0;

create or replace function app.overdue()
returns table (kind text, id uuid, business_id uuid, since timestamptz)
language sql
stable
set search_path = ''
as $$
  select 'export', e.id, e.business_id, e.due_at
  from app.exports e
  where e.state in ('unconfirmed', 'open') and e.due_at <= app.clock()
  union all
  -- Whoever deletes comes every minute.
  select 'export_deletion', e.id, e.business_id, e.expires_at
  from app.exports e
  where e.state = 'ready' and e.expires_at <= app.clock() - interval '1 day'
  union all
  select 'object_deletion', null, null, min(o.created_at)
  from app.object_deletions o
  having min(o.created_at) <= app.clock() - interval '1 day'
  union all
  select 'closure', c.id, c.business_id,
    case when c.step in ('key', 'object', 'certificate') then c.purge_at else c.requested_at end
  from app.closures c
  where app.is_overdue(c)
  union all
  select 'twilio_redaction', null, null, min(r.run_at)
  from app.twilio_redactions r
  having min(r.run_at) <= app.clock() - interval '1 day';
$$;

create or replace function app.purge_kinds()
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
