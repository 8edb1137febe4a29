-- Nothing of a row may change but that its wording, which may name a person, is
-- taken out for good.
create function app.refuse_change_of_evidence()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if to_jsonb(new) - '{wording,wording_salt}'::text[] <> to_jsonb(old) - '{wording,wording_salt}'::text[]
    or new.wording is not null
  then
    raise exception 'rows of %.% are never changed', tg_table_schema, tg_table_name;
  end if;
  return new;
end;
$$;
comment on function app.refuse_change_of_evidence() is
  'Trigger of app.consent_events: an update may erase the wording and nothing else.';
