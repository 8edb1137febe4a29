create function app.bundled_name(p_medium app.media)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when p_medium.state = 'stored' then format(
      'media/%s-%s.%s', p_medium.message_id, p_medium.position,
      case p_medium.found_type
        when 'image/jpeg' then 'jpg'
        when 'image/png' then 'png'
        when 'image/gif' then 'gif'
        when 'image/webp' then 'webp'
        when 'image/heic' then 'heic'
        when 'video/mp4' then 'mp4'
        when 'video/3gpp' then '3gp'
        when 'application/pdf' then 'pdf'
        when 'text/vcard' then 'vcf'
        else 'bin'
      end
    )
  end;
$$;
comment on function app.bundled_name(app.media) is
  'What the file of a picture is called in a bundle; null if it is not stored.';
