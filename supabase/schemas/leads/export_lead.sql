create function public.export_lead(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_after uuid := coalesce(
    (request ->> 'texts_after')::uuid, '00000000-0000-0000-0000-000000000000'
  );
begin
  return jsonb_build_object(
    'format', 'leadslock lead export 2',
    'made_at', app.clock(),
    'person', app.person_rows('leads', 'where t.id = ($1).id', null, v_lead, null) -> 0,
    'consent', app.person_rows(
      'consent_events',
      'where t.business_id = ($1).business_id and t.phone_hmac = ($1).phone_hmac
       order by t.sequence',
      null, v_lead, null
    ),
    'suppressed', app.person_rows(
      'suppressions',
      'join app.sender_numbers n on n.phone = t.sender_phone
       where n.business_id = ($1).business_id and t.phone_hmac = ($1).phone_hmac
       order by t.sender_phone',
      null, v_lead, null
    ),
    'texts', app.person_rows(
      'messages', 'where t.lead_id = ($1).id and t.id > $2 order by t.id limit 200',
      'app.pictures_of(t) as pictures', v_lead, v_after
    )
  );
end;
$$;
comment on function public.export_lead(jsonb) is
  'Everything about one person (lead_id) for the session''s owner to hand over, with 200 texts after texts_after.';
grant execute on function public.export_lead(jsonb) to service_role;
