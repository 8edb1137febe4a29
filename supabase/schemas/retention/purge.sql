-- Invariant: A purge never holds what a text needs. It deletes 1,000 rows at a time by
-- an index, each batch in its own transaction, and skips rows that are locked.
create function public.purge(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_before timestamptz := app.clock() - make_interval(secs => (request ->> 'seconds')::bigint);
  v_after text := request ->> 'after';
  v_limit integer := (request ->> 'limit')::integer;
  v_kind record;
  v_until text;
  v_page bigint;
  v_is_done boolean;
  v_count bigint;
  v_last text;
begin
  select * into v_kind from app.purge_kinds() k where k.kind = request ->> 'kind';
  if not found then
    perform app.refuse('malformed', 'there is no such kind');
  end if;
  -- A table of Auth's may be another project's matter.
  if not coalesce(
    has_table_privilege(to_regclass(v_kind.relation), 'select')
      and has_table_privilege(to_regclass(v_kind.relation), 'update')
      and has_table_privilege(to_regclass(v_kind.relation), 'delete'),
    false
  ) then
    return jsonb_build_object('outcome', 'not_permitted');
  end if;

  if v_kind.key_type = 'tid' then
    -- Pages by their numbers, each with more than ten rows.
    v_page := split_part(ltrim(coalesce(v_after, '(0,0)'), '('), ',', 1)::bigint + v_limit / 10;
    v_until := format('(%s,0)', v_page);
    v_is_done :=
      v_page * current_setting('block_size')::bigint >= pg_relation_size(v_kind.relation);
    v_limit := null;
  else
    v_until := app.purge_bound(v_kind.key_type, v_before);
  end if;

  -- Who has locked a row needs it just now; it goes the next time.
  execute format(
    'with due as (
       select %1$s as key, t.ctid as place
       from %2$s t
       where ($2 is null or %1$s >= $2::%3$s) and %1$s < $3::%3$s and (%4$s)
       order by %1$s
       limit $4
       for update skip locked
     ),
     gone as (
       delete from %2$s where ctid = any (array(select place from due)) returning 1
     )
     select (select count(*) from gone), (select key::text from due order by key desc limit 1)',
    't.' || v_kind.key, v_kind.relation, v_kind.key_type, v_kind.condition
  )
  using v_before, v_after, v_until, v_limit
  into v_count, v_last;

  perform app.note_purged((request ->> 'run_id')::uuid, v_kind.kind, v_count);
  return jsonb_build_object(
    'outcome', 'purged',
    'count', v_count,
    'after', case when v_kind.key_type = 'tid' then v_until else coalesce(v_last, v_after) end,
    'is_done', coalesce(v_is_done, v_count < v_limit)
  );
end;
$$;
comment on function public.purge(jsonb) is
  'Deletes the oldest rows of a kind that are older than so many seconds, a batch (limit) of them, after the key after. Outcome: purged (count, and after for the next batch unless is_done), or not_permitted.';
grant execute on function public.purge(jsonb) to service_role;
