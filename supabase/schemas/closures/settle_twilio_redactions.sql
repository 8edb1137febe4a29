-- Emptying what is empty does no harm, so no token keeps a late holder out.
create function public.settle_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with forgotten as (
    delete from app.twilio_redactions
    where message_sid in (select jsonb_array_elements_text(request -> 'forgotten'))
    returning message_sid
  ),
  put_off as (
    update app.twilio_redactions
    set run_at = app.clock() + app.wait_after('closure', attempts)
    where message_sid in (select jsonb_array_elements_text(request -> 'put_off'))
    returning message_sid
  )
  select jsonb_build_object(
    'forgotten', (select count(*) from forgotten), 'put_off', (select count(*) from put_off)
  );
$$;
comment on function public.settle_twilio_redactions(jsonb) is
  'Records which texts Twilio has forgotten, and which are to be tried again later.';
grant execute on function public.settle_twilio_redactions(jsonb) to service_role;
