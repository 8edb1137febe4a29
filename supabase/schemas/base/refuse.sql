create function app.refuse(p_refusal text, p_message text)
returns void
language plpgsql
volatile
set search_path = ''
as $$
begin
  raise exception using
    errcode = coalesce(app.refusal_code(p_refusal), 'XX000'), message = p_message;
end;
$$;
comment on function app.refuse(text, text) is
  'Ends a call for a reason that its caller may know, and rolls it back. The message is for people who read logs, and names no data.';
grant execute on function app.refuse(text, text) to authenticated;
