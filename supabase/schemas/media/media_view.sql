create function app.media_view(p_message_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'position', d.position,
        'state', d.state,
        'found_type', d.found_type,
        'byte_count', d.byte_count,
        'storage_path', case when d.state = 'stored' then d.storage_path end
      )
      order by d.position
    ),
    '[]'
  )
  from app.media d
  where d.message_id = p_message_id;
$$;
comment on function app.media_view(uuid) is 'What the console says of what came with a text.';
grant execute on function app.media_view(uuid) to authenticated;
