create domain app.e164 as text
  constraint e164_form check (value ~ '^\+[1-9][0-9]{1,14}$');
comment on domain app.e164 is 'A phone number as ITU-T E.164 writes it: + and up to 15 digits.';
