-- The baseline: who an owner is.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

-- Returns the owner's id, or refuses the call. Every function that acts for an
-- owner calls it first: a genuine token is good for up to an hour, whatever
-- becomes of its session meanwhile.
--
-- p_session is what lib's session::Session is serialized to. Its "aal" is the
-- token's, and so is what the caller has shown; the row's is what anyone has
-- shown in that session.
--
-- session_ended: the session has ended (signed out, timed out, or its user banned or
-- deleted). second_factor: the user has a second factor, and has not shown it.
create function app.require_session(p_session jsonb)
returns uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  v_user_id uuid := (p_session ->> 'user_id')::uuid;
begin
  perform
  from auth.sessions s
  join auth.users u on u.id = s.user_id
  where s.id = (p_session ->> 'session_id')::uuid
    and s.user_id = v_user_id
    and (s.not_after is null or s.not_after > app.clock())
    and (u.banned_until is null or u.banned_until <= app.clock())
    and u.deleted_at is null;
  if not found then
    perform app.refuse('session_ended', 'the session has ended');
  end if;

  if (p_session ->> 'aal') is distinct from 'aal2' and exists (
    select from auth.mfa_factors f where f.user_id = v_user_id and f.status = 'verified'
  ) then
    perform app.refuse('second_factor', 'the second factor is needed');
  end if;
  return v_user_id;
end;
$$;
comment on function app.require_session(jsonb) is
  'The owner of a session that still stands and has shown every factor; refuses the call for any other.';

reset check_function_bodies;
