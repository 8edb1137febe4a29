create function app.purge_bound(p_key_type text, p_before timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case p_key_type
    when 'uuid' then app.first_id_at(p_before)::text
    when 'timestamptz' then p_before::text
    when 'date' then (p_before at time zone 'UTC')::date::text
  end;
$$;
comment on function app.purge_bound(text, timestamptz) is
  'The key before which rows are older than a time.';
