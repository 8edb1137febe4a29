create function app.pictures_of(p_message app.messages)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_message.media_count = 0 then
    return '[]';
  end if;
  return app.person_rows(
    'media', 'where t.message_id = $2 order by t.position', null, null, p_message.id
  );
end;
$$;
comment on function app.pictures_of(app.messages) is
  'What came with a text, as a person''s file holds it.';
