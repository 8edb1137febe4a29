create function app.profile_view(p_business_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', b.version,
    'name', b.name,
    'mailing_address', b.mailing_address,
    'contact_email', b.contact_email,
    'contact_phone', b.contact_phone,
    'website', b.website,
    'time_zone', b.time_zone,
    'language', b.language,
    'about', b.about,
    'instructions', b.instructions,
    'local_time', to_char(app.clock() at time zone b.time_zone, 'FMDay YYYY-MM-DD HH24:MI'),
    'created_at', app.moment(b.created_at, b.time_zone),
    'updated_at', app.moment(b.updated_at, b.time_zone)
  )
  from app.businesses b
  where b.id = p_business_id;
$$;
comment on function app.profile_view(uuid) is 'All of a shop that its owner can change.';
grant execute on function app.profile_view(uuid) to authenticated;
