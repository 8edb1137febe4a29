create function app.closure_steps()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    -- Nothing is paid any more.
    'billing',
    -- Texts and pictures that were under way are known.
    'settle',
    'seal',
    -- From here on the account exists in the sealed backup only.
    -- Who owns files cannot be erased: those go first.
    'rows', 'files', 'owner', 'twilio',
    -- These wait for the purge date.
    'key', 'object', 'certificate'
  ];
$$;
comment on function app.closure_steps() is 'The steps of a closure, in their order.';
