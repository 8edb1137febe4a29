-- Stripe tries a failed payment again about four times in its first week, and
-- tells the owner each time. Who has not paid then is not late but gone.
create function app.payment_grace()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '7 days';
$$;
comment on function app.payment_grace() is 'For how long a shop is served whose payment has failed.';
grant execute on function app.payment_grace() to authenticated;
