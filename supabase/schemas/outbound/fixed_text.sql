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
