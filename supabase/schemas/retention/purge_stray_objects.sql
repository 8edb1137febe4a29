create function public.purge_stray_objects(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_count bigint;
  v_read bigint;
  v_last text;
begin
  with read as (
    select o.bucket_id, o.name, o.created_at,
      -- The last folder of a picture, and the name of a bundle.
      case
        when o.name ~ ('^' || u.form || '/' || u.form || case o.bucket_id
            when 'media' then '/[0-9]$'
            when 'exports' then '\.zip$'
          end)
          then left(split_part(o.name, '/', 2), 36)::uuid
      end as id
    from storage.objects o
    cross join (select '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' as form) u
    where o.bucket_id = request ->> 'bucket'
      and o.name > coalesce(request ->> 'after', '')
    order by o.name
    limit (request ->> 'limit')::integer
  ),
  stray as (
    select r.bucket_id, r.name
    from read r
    where r.id is not null
      -- One that has just come is not yet recorded.
      and r.created_at < app.clock() - make_interval(secs => (request ->> 'seconds')::bigint)
      and not exists (
        select
        from app.media m
        where r.bucket_id = 'media'
          and m.message_id = r.id and m.storage_path = r.name and m.state <> 'refused'
      )
      and not exists (
        select
        from app.exports e
        where r.bucket_id = 'exports'
          and e.id = r.id and e.storage_path = r.name and e.state <> 'expired'
      )
  ),
  noted as (
    insert into app.object_deletions (bucket, path)
    select s.bucket_id, s.name
    from stray s
    on conflict do nothing
    returning 1
  )
  select (select count(*) from noted), (select count(*) from read), (select max(name) from read)
  into v_count, v_read, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, 'stray_objects', v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', v_last,
    'is_done', v_read < (request ->> 'limit')::integer
  );
end;
$$;
comment on function public.purge_stray_objects(jsonb) is
  'Has objects of a bucket (media, exports) deleted that no row refers to and that are older than so many seconds: reads so many (limit) after the name after.';
grant execute on function public.purge_stray_objects(jsonb) to service_role;
