create function app.person_rows(p_table text, p_source text, p_also text, p_lead app.leads, p_after uuid)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_rows jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(r)), ''[]'') from (select %s from app.%I t %s) r',
    concat_ws(', ', app.told_columns(p_table, 'person'), p_also), p_table, p_source
  )
  using p_lead, p_after
  into v_rows;
  return v_rows;
end;
$$;
comment on function app.person_rows(text, text, text, app.leads, uuid) is
  'Rows of a table (as t) that are about one person ($1), after a row ($2), with all columns that a person''s file holds.';
