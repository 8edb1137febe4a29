create function public.update_shop(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business app.businesses := app.shop_of_owner(request);
  v_new jsonb := request -> 'profile';
  v_current jsonb;
  v_version integer;
begin
  if not app.is_time_zone(v_new ->> 'time_zone') then
    return jsonb_build_object('invalid', 'time_zone');
  end if;
  update app.businesses
  set name = v_new ->> 'name',
      mailing_address = v_new ->> 'mailing_address',
      contact_email = v_new ->> 'contact_email',
      contact_phone = v_new ->> 'contact_phone',
      website = v_new ->> 'website',
      time_zone = v_new ->> 'time_zone',
      language = v_new ->> 'language',
      about = v_new ->> 'about',
      instructions = v_new ->> 'instructions',
      updated_at = app.clock(),
      version = version + 1
  where id = v_business.id and version = (request ->> 'version')::integer
  returning version into v_version;
  if not found then
    v_current := app.profile_view(v_business.id);
    -- The answer to this very call was lost, and it is made again.
    if v_current @> v_new and (v_current ->> 'version')::integer = (request ->> 'version')::integer + 1
    then
      return jsonb_build_object('outcome', 'saved', 'version', v_current -> 'version');
    end if;
    return jsonb_build_object('outcome', 'conflict', 'current', v_current);
  end if;
  insert into app.audit_events (business_id, actor, action)
  values (v_business.id, 'owner', 'shop_updated');
  return jsonb_build_object('outcome', 'saved', 'version', v_version);
end;
$$;
comment on function public.update_shop(jsonb) is
  'Stores a profile over the version that was read. Outcome: saved (with the new version), or conflict (with the current profile); or names what is invalid.';
grant execute on function public.update_shop(jsonb) to service_role;
