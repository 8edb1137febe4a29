create function app.closure_view(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'state', case
      when p_closure.restored_at is not null then 'restored'
      when p_closure.state = 'done' then 'purged'
      when p_closure.step in ('key', 'object', 'certificate') then 'erased'
      else 'closing'
    end,
    'requested_at', p_closure.requested_at,
    'purge_at', p_closure.purge_at,
    'receipts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('step', r.step, 'at', r.at, 'detail', r.detail)
          order by array_position(app.closure_steps(), r.step)
        ),
        '[]'
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'certificate', p_closure.certificate
  );
$$;
comment on function app.closure_view(app.closures) is
  'What an owner is told of a closure: closing, erased (the sealed backup is left), purged, or restored.';
