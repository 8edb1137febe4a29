-- A bundle holds all columns of these tables but those of app.columns_left_out: a
-- column that is added later is in it, unless somebody decides otherwise. The files
-- are those of lib's data::tables, which the bundle is described with.
create function app.export_files()
returns table (place integer, file text, name text, source text, also text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      1, 'profile', 'businesses', 'where t.id = $1',
      '(select u.email from auth.users u where u.id = t.owner_id) as owner_email'
    ),
    (2, 'subscriptions', 'subscriptions', 'where t.business_id = $1 order by t.id', null),
    (3, 'numbers', 'sender_numbers', 'where t.business_id = $1 order by t.phone', null),
    (4, 'leads', 'leads', 'where t.business_id = $1 order by t.id', null),
    (5, 'messages', 'messages', 'where t.business_id = $1 order by t.id', null),
    (
      6, 'consent', 'consent_events',
      'where t.business_id = $1 order by t.phone_hmac, t.sequence', null
    ),
    (
      7, 'suppressions', 'suppressions',
      'join app.sender_numbers n on n.phone = t.sender_phone
       where n.business_id = $1 order by t.sender_phone, t.phone_hmac', null
    ),
    (8, 'audit', 'audit_events', 'where t.business_id = $1 order by t.id', null),
    (
      9, 'media', 'media', 'where t.business_id = $1 order by t.message_id, t.position',
      'app.bundled_name(t) as file'
    );
$$;
comment on function app.export_files() is
  'What a bundle holds: each file, the table it is of, which of its rows (t) are of account $1 in which order, and what is told besides its columns.';
