-- PostgREST answers an SQLSTATE PTnnn with the HTTP status nnn. Which refusals there
-- are, lib has too (providers/supabase/refusal.rs); a test compares the two.
create function app.refusal_code(p_refusal text)
returns text
language sql
immutable
set search_path = ''
as $$
  select case p_refusal
    when 'malformed' then 'PT400'
    when 'session_ended' then 'PT401'
    when 'second_factor' then 'PT403'
    when 'not_found' then 'PT404'
    when 'other_name' then 'PT409'
    when 'backup_gone' then 'PT410'
    when 'unconfirmed' then 'PT412'
    when 'ambiguous' then 'PT417'
    when 'rows_missing' then 'PT422'
    when 'contact_taken' then 'PT423'
    when 'already_restored' then 'PT424'
    when 'still_closing' then 'PT425'
    when 'no_shop' then 'PT428'
  end;
$$;
comment on function app.refusal_code(text) is 'The SQLSTATE of a refusal; null if there is none of this name.';
grant execute on function app.refusal_code(text) to authenticated;
