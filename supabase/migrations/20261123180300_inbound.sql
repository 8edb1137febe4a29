-- What a text brings: fixed answers from one function, inquiries that renew
-- consent, and card numbers that come in two texts.

-- Help as the Canadian short-code rules want it: who texts, how to reach them,
-- how to stop. The confirmation of a STOP is the one 47 CFR 64.1200(a)(12)
-- allows, within five minutes and without marketing.
create function app.fixed_text(p_business app.businesses, p_kind text, p_language text)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    case p_kind || ' ' || coalesce(p_language, p_business.language)
      when 'help en' then '%1$s: this number answers customers by text. Contact: %2$s. Reply STOP to receive no more texts.'
      when 'help fr' then '%1$s : ce numéro répond aux clients par texto. Contact : %2$s. Répondez ARRET pour ne plus recevoir de textos.'
      when 'stop en' then '%1$s: you will get no more texts from us. Reply START to get them again.'
      when 'stop fr' then '%1$s : vous ne recevrez plus de textos de notre part. Répondez START pour en recevoir de nouveau.'
      when 'start en' then '%1$s: you will get our texts again. Reply STOP to get no more.'
      when 'start fr' then '%1$s : vous recevrez de nouveau nos textos. Répondez ARRET pour ne plus en recevoir.'
    end,
    p_business.name,
    coalesce(p_business.contact_phone, p_business.contact_email, p_business.website)
  );
$$;
comment on function app.fixed_text(app.businesses, text, text) is
  'The answer to help, stop or start, in the language of the lead or else the shop''s.';

create function app.lift_suppressions(p_business_id uuid, p_phone_hmac bytea, p_reasons text[])
returns void
language sql
set search_path = ''
as $$
  delete from app.suppressions s
  using app.sender_numbers n
  where n.business_id = p_business_id
    and s.sender_phone = n.phone
    and s.phone_hmac = p_phone_hmac
    and s.reason = any (p_reasons);
$$;
comment on function app.lift_suppressions(uuid, bytea, text[]) is
  'Lets a shop text a number again, if it was suppressed for one of the reasons.';

-- The lead's last three texts, as far as they are of the last ten minutes and
-- could be parts of one number: they have digits at an edge.
create function app.texts_to_join(p_lead_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('message_id', m.id, 'body', m.body) order by m.id)
  from (
    select *
    from app.messages
    where lead_id = p_lead_id and direction = 'inbound'
    order by id desc
    limit 3
  ) m
  where m.created_at > app.clock() - interval '10 minutes'
    and m.body ~ '^\W*[0-9٠-٩۰-۹０-９]|[0-9٠-٩۰-۹０-９]\W*$';
$$;
comment on function app.texts_to_join(uuid) is
  'The texts a lead sent just before, for lib to see whether a number is split over them; null if there are none.';

-- A text that Twilio still has as it was written, with what we masked.
create function app.owe_redaction(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('redact', p_message_id, app.clock() + app.lease(), 1, 1)
  on conflict (kind, message_id) do nothing
  returning id into v_job_id;
  return app.redact_work(v_job_id);
end;
$$;
comment on function app.owe_redaction(uuid) is
  'Makes a claimed job of emptying a text at Twilio, and returns its work; null if that is owed already.';

create function app.owe_reply(p_message_id uuid)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_job_id uuid;
begin
  if not exists (
    select
    from app.messages m
    join app.businesses b on b.id = m.business_id
    where m.id = p_message_id and b.state = 'active'
  ) then
    return null;
  end if;
  insert into app.jobs (kind, message_id, run_at, attempts, fencing_token)
  values ('reply', p_message_id, app.clock() + app.lease(), 1, 1)
  returning id into v_job_id;
  return app.reply_work(v_job_id);
end;
$$;
comment on function app.owe_reply(uuid) is
  'Makes a claimed job of answering a text, and returns its work; null if the shop answers nobody.';
