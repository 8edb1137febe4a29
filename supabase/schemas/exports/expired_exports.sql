create function public.expired_exports(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'exports', coalesce(
      jsonb_agg(jsonb_build_object('export_id', e.id, 'storage_path', e.storage_path)), '[]'
    )
  )
  from (
    select x.id, x.storage_path
    from (select request) r
    join app.exports x on x.state = 'ready' and x.expires_at <= app.clock()
    order by x.expires_at
    limit 50
  ) e;
$$;
comment on function public.expired_exports(jsonb) is 'Bundles that are past their time, 50 of them.';
grant execute on function public.expired_exports(jsonb) to service_role;
