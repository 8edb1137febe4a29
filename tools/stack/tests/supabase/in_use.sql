-- A shop and a lead with a history, as the functions of that time made it.
insert into auth.users (id, email) values ('0193a000-0000-7000-8000-000000000001', 'owner@example.com');

insert into app.businesses (id, owner_id, name, mailing_address, contact_email)
values (
  '0193a000-0000-7000-8000-000000000010', '0193a000-0000-7000-8000-000000000001', 'Mile End Bikes',
  '5425 rue de Bordeaux, Montréal QC H2H 2P9', 'hello@mileendbikes.example'
);

insert into app.sender_numbers (phone, business_id)
values ('+15145550100', '0193a000-0000-7000-8000-000000000010');

select public.receive_sms(
  jsonb_build_object(
    'message_sid', 'SM' || lpad(number, 32, '0'), 'from', '+15145550123', 'to', '+15145550100',
    'phone_hmac', repeat('ab', 32), 'body', body, 'media_count', 0, 'masked_count', 0,
    'meaning', meaning, 'rule', 'sent a keyword', 'is_in_words', false,
    'is_answered_by_twilio', true, 'language', 'en'
  )
)
from (
  values ('1', 'text', 'hello'), ('2', 'stop', 'STOP'), ('3', 'start', 'START')
) texts (number, meaning, body);

-- What is owed, held by somebody: they go on with it by the token they have.
insert into app.exports (
  business_id, format, requested_by, due_on, due_at, attempts, fencing_token, last_fault
)
select id, 'csv', 'owner', now(), now(), 2, 5, 'packing failed' from app.businesses limit 1;
insert into app.closures (
  business_id, ends_owner, purge_at, faults, fencing_token, last_fault
)
select id, false, now(), 3, 7, 'closing failed' from app.businesses limit 1;
