-- The name as it was typed, but for case and what is around it.
create function app.is_same_name(p_name text, p_typed text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select lower(normalize(btrim(p_name, e' \t\r\n\u00a0')) collate "und-x-icu")
    = lower(normalize(btrim(p_typed, e' \t\r\n\u00a0')) collate "und-x-icu");
$$;
comment on function app.is_same_name(text, text) is
  'Whether somebody has typed a name; case and outer spaces do not count.';
