-- Whoever writes an export, and whatever session was checked: a shop that is
-- being closed gives nothing away any more.
create function app.refuse_export_of_closing()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from app.businesses where id = new.business_id and state = 'active') then
    perform app.refuse('not_found', 'the owner has no such shop');
  end if;
  return new;
end;
$$;
comment on function app.refuse_export_of_closing() is
  'Trigger of app.exports: only of a shop that is active is anything exported.';
