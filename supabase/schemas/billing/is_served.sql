create function app.is_served(p_standing text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select p_standing in ('trialing', 'active', 'past_due');
$$;
comment on function app.is_served(text) is 'Whether a shop of this standing is served.';
grant execute on function app.is_served(text) to authenticated;
