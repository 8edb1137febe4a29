create function app.like_patterns(p_texts jsonb, p_is_binary boolean)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(
    '%' || regexp_replace(
      case when p_is_binary then encode(convert_to(t.text, 'UTF8'), 'escape') else t.text end,
      '([\\%_])', '\\\1', 'g'
    ) || '%'
  )
  from jsonb_array_elements_text(p_texts) t (text);
$$;
comment on function app.like_patterns(jsonb, boolean) is
  'For like: each text anywhere in another; or in bytes, as encode(…, ''escape'') writes them.';
