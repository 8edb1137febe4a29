-- What is in it is unreadable without a key that Storage does not have.
insert into storage.buckets (id, name, public, allowed_mime_types)
values ('backups', 'backups', false, array['application/octet-stream'])
on conflict (id) do nothing;
