create function app.overdue()
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
comment on function app.overdue() is 'What should have been done by now, whoever was to do it.';
