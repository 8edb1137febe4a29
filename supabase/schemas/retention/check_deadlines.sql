create function public.check_deadlines(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- Once for each, not every day.
  insert into app.audit_events (business_id, actor, action, subject_id)
  select o.business_id, 'system', o.kind || '_overdue', o.id
  from app.overdue() o
  where not exists (
    select
    from app.audit_events a
    where a.action = o.kind || '_overdue'
      and a.at >= o.since
      and a.subject_id is not distinct from o.id
  );
  return jsonb_build_object(
    'overdue', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('kind', o.kind, 'id', o.id, 'since', o.since) order by o.since
        ),
        '[]'
      )
      from (select * from app.overdue() order by since limit 100) o
    )
  );
end;
$$;
comment on function public.check_deadlines(jsonb) is
  'The 100 longest overdue obligations, each of which is in the audit trail from then on.';
grant execute on function public.check_deadlines(jsonb) to service_role;
