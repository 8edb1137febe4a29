-- The shops of whoever makes the request, if the session stands and has shown
-- every factor; refuses the call else. Each policy asks it, once for a statement.
--
-- Security definer, the only such function an owner may call: sessions are in
-- the schema auth. It takes no argument and tells a caller only about themselves.
create function app.own_business_ids()
returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims jsonb := auth.jwt();
  v_owner_id uuid;
begin
  -- A token that the owner has given to another application, or nobody's.
  if v_claims ? 'client_id' or coalesce((v_claims ->> 'is_anonymous')::boolean, false) then
    perform app.refuse('session_ended', 'the session is not an owner''s');
  end if;
  v_owner_id := app.require_session(jsonb_build_object(
    'user_id', v_claims ->> 'sub', 'session_id', v_claims ->> 'session_id', 'aal', v_claims ->> 'aal'
  ));
  return array(select b.id from app.businesses b where b.owner_id = v_owner_id);
end;
$$;
comment on function app.own_business_ids() is
  'The shops of the owner who makes the request; refuses it if the session has ended.';
grant execute on function app.own_business_ids() to authenticated;
