-- A list, because the order counts: whoever restores finds what a row refers to
-- in place. A test compares it with the catalog, so no table is forgotten.
--
-- Suppressions are not in it: they stay where they are while an account is closed.
-- Audit events and the log of webhooks stay too. Of the owner all is taken but what
-- opens the account (password, factors, tokens): who comes back proves by e-mail
-- who they are, and a copy of a password's hash would only wait to be guessed.
create function app.backup_tables()
returns table (place integer, name text, source text)
language sql
immutable
set search_path = ''
as $$
  values
    (
      1, 'owner',
      '(
        select u.id, u.email, u.phone, u.email_confirmed_at, u.phone_confirmed_at,
          u.raw_app_meta_data, u.raw_user_meta_data, u.created_at
        from app.businesses b
        join auth.users u on u.id = b.owner_id
        where b.id = $1
      ) t'
    ),
    (2, 'businesses', 'app.businesses t where t.id = $1'),
    (3, 'sender_numbers', 'app.sender_numbers t where t.business_id = $1 order by t.phone'),
    (4, 'stripe_customers', 'app.stripe_customers t where t.business_id = $1 order by t.id'),
    (5, 'subscriptions', 'app.subscriptions t where t.business_id = $1 order by t.id'),
    (6, 'leads', 'app.leads t where t.business_id = $1 order by t.id'),
    -- What is answered before the answers, whatever the clock did.
    (
      7, 'messages',
      'app.messages t where t.business_id = $1 order by t.in_reply_to is not null, t.id'
    ),
    (
      8, 'consent_events',
      'app.consent_events t where t.business_id = $1 order by t.phone_hmac, t.sequence'
    ),
    (
      9, 'consent_ledgers',
      'app.consent_ledgers t where t.business_id = $1 order by t.phone_hmac'
    ),
    (10, 'media', 'app.media t where t.business_id = $1 order by t.message_id, t.position'),
    (
      11, 'status_events',
      'app.messages m join app.status_events t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    ),
    (
      12, 'jobs',
      'app.messages m join app.jobs t on t.message_id = m.id
        where m.business_id = $1 order by t.id'
    );
$$;
comment on function app.backup_tables() is
  'What a backup of an account holds, in the order in which it is restored: each table, and which of its rows (t) are of account $1.';
