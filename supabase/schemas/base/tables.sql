create table app.audit_events (
  id uuid primary key default app.uuid_v7(),
  business_id uuid,
  actor text not null,
  action text not null,
  subject_id uuid,
  at timestamptz not null default app.clock(),

  constraint actor_is_known check (actor in ('lead', 'owner', 'operator', 'system', 'provider'))
);
comment on table app.audit_events is 'Who did what to which account, without personal data.';
create index audit_events_action_at_idx on app.audit_events (action, at);
create index audit_events_business_id_id_idx on app.audit_events (business_id, id);
create trigger audit_events_are_never_changed
  before update or truncate on app.audit_events
  for each statement execute function app.refuse_change();
create trigger audit_events_stay
  before delete on app.audit_events
  for each row execute function app.refuse_early_deletion('at', '5 years');
alter table app.audit_events enable row level security;
create policy own on app.audit_events for select to authenticated
using (business_id = any ((select app.own_business_ids())::uuid[]));
grant select (id, business_id, actor, action, subject_id, at) on app.audit_events to authenticated;
