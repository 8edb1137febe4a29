create function app.has_due(p_kind text, p_before timestamptz)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_kind record;
  v_has_due boolean;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = p_kind;
  if not found or v_kind.key_type = 'tid' then
    return false;
  end if;
  execute format(
    'select exists (select from %1$s t where t.%2$s < $2::%3$s and (%4$s))',
    v_kind.relation, v_kind.key, v_kind.key_type, v_kind.condition
  )
  using p_before, app.purge_bound(v_kind.key_type, p_before)
  into v_has_due;
  return v_has_due;
end;
$$;
comment on function app.has_due(text, timestamptz) is
  'Whether rows of a kind are older than a time. Not told of what would have to be read whole.';
