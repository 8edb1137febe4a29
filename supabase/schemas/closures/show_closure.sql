create function public.show_closure(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure from app.closures where id = (request ->> 'closure_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'there is no such closure');
  end if;
  return app.closure_view(v_closure);
end;
$$;
comment on function public.show_closure(jsonb) is
  'How far a closure is. It says nothing of anybody; the caller has checked the link all the same.';
grant execute on function public.show_closure(jsonb) to service_role;
