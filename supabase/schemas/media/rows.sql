-- No policy on storage.objects lets anybody else in: only the secret key, and
-- links it signs, open what is in the bucket. The limits are those of lib
-- (media_type, twilio::media), kept here once more.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'media', 'media', false, 5242880,
  array[
    'image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/heic', 'video/mp4', 'video/3gpp',
    'application/pdf', 'text/vcard'
  ]
)
on conflict (id) do nothing;
