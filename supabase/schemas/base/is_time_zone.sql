create function app.is_time_zone(p_name text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform now() at time zone p_name;
  -- Postgres also takes offsets and rules of its own making, which no place has.
  return p_name ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+-]+){1,2}$' or p_name = 'UTC';
exception
  when invalid_parameter_value then
    return false;
end;
$$;
comment on function app.is_time_zone(text) is 'Whether the IANA knows a time zone by this name.';
