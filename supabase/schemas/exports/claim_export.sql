create function public.claim_export(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_export app.exports;
begin
  update app.exports
  set run_at = app.clock() + app.export_lease(),
      attempts = attempts + 1,
      fencing_token = fencing_token + 1
  where id = (
    select id
    from app.exports
    where state = 'open' and run_at <= app.clock()
    order by due_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_export;
  return jsonb_build_object(
    'work', case when found then app.export_work(v_export) end,
    'close_to_due', (
      select count(*)
      from app.exports e
      where e.state in ('unconfirmed', 'open') and app.is_close_to_due(e)
    )
  );
end;
$$;
comment on function public.claim_export(jsonb) is
  'Claims the most urgent export that is due to be worked on, and tells how many are close to their due date.';
grant execute on function public.claim_export(jsonb) to service_role;
