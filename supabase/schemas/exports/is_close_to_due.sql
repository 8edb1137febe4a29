-- 60 %, so that somebody can still do something about it.
create function app.is_close_to_due(p_export app.exports)
returns boolean
language sql
stable
set search_path = ''
as $$
  select app.clock()
    >= p_export.requested_at + (p_export.due_at - p_export.requested_at) * 0.6;
$$;
comment on function app.is_close_to_due(app.exports) is
  'Whether most of the time until an export is due is over.';
