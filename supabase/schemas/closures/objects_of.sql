-- What Storage has of an account: in any bucket below the shop's id, or put there
-- by the owner. Only Storage's API deletes objects; a row deleted here would leave
-- the file.
create function app.objects_of(p_closure app.closures)
returns table (bucket text, path text)
language sql
stable
set search_path = ''
as $$
  select o.bucket_id, o.name
  from storage.buckets b
  join storage.objects o
    on o.bucket_id = b.id
    and o.name collate "C" >= p_closure.business_id::text || '/'
    and o.name collate "C" < p_closure.business_id::text || '0'
  union
  select o.bucket_id, o.name
  from storage.objects o
  where p_closure.ends_owner and o.owner_id = p_closure.owner_id::text;
$$;
comment on function app.objects_of(app.closures) is 'Objects of an account that Storage still has.';
