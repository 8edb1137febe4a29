-- The lead's last three texts, as far as they are of the last ten minutes and
-- could be parts of one number: they have digits at an edge.
create function app.texts_to_join(p_lead_id uuid)
returns jsonb
language sql
stable
set search_path = ''
set enable_bitmapscan = off
as $$
  select jsonb_agg(jsonb_build_object('message_id', m.id, 'body', m.body) order by m.id)
  from (
    select *
    from app.messages
    where lead_id = p_lead_id and direction = 'inbound'
    order by id desc
    limit 3
  ) m
  where m.created_at > app.clock() - interval '10 minutes'
    and m.body ~ '^\W*[0-9٠-٩۰-۹０-９]|[0-9٠-٩۰-۹０-９]\W*$';
$$;
comment on function app.texts_to_join(uuid) is
  'The texts a lead sent just before, for lib to see whether a number is split over them; null if there are none.';
