create function public.show_export(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := app.require_session(request -> 'session');
  v_export app.exports;
begin
  select e.* into v_export
  from app.exports e
  join app.businesses b on b.id = e.business_id
  where e.id = (request ->> 'export_id')::uuid and b.owner_id = v_owner_id;
  if not found then
    perform app.refuse('not_found', 'the owner has no such export');
  end if;
  return app.export_view(v_export);
end;
$$;
comment on function public.show_export(jsonb) is 'How far an export of the session''s owner is.';
grant execute on function public.show_export(jsonb) to service_role;
