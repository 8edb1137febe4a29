create function app.backups_of(p_closure app.closures)
returns table (bucket text, path text)
language sql
stable
set search_path = ''
as $$
  select o.bucket_id, o.name
  from storage.objects o
  where o.bucket_id = 'backups'
    and o.name collate "C" >= p_closure.id::text || '/'
    and o.name collate "C" < p_closure.id::text || '0';
$$;
comment on function app.backups_of(app.closures) is
  'The sealed backups of a closure: the one that counts, and those of attempts that were cut off.';
