-- Supabase Auth signs nobody in who is banned, by whatever means, and a session
-- that is gone cannot be renewed.
create function app.shut_out(p_user_id uuid)
returns void
language sql
set search_path = ''
as $$
  update auth.users set banned_until = app.clock() + interval '100 years' where id = p_user_id;
  delete from auth.refresh_tokens where user_id::text = p_user_id::text;
  delete from auth.sessions where user_id = p_user_id;
$$;
comment on function app.shut_out(uuid) is 'Ends all sessions of a user, and lets none begin.';
