create function app.was_erased(request jsonb)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select
    from app.businesses b
    join app.audit_events a on a.business_id = b.id
    where b.owner_id = app.require_session(request -> 'session')
      and a.action = 'lead_erased'
      and a.subject_id = (request ->> 'lead_id')::uuid
  );
$$;
comment on function app.was_erased(jsonb) is
  'Whether a lead (lead_id) of the session''s owner is erased already.';
