-- Invariant: What two may change is changed over a version. A correction names the
-- version it was begun from (leads.version, businesses.version); if there is a newer
-- one, nothing is stored and the caller gets that. A form has an id: posted twice, its
-- text goes out once (messages.request_id).
create function public.correct_lead(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_lead app.leads := app.lead_of_owner(request);
  v_wanted app.leads;
  v_columns text;
  v_fields jsonb;
  v_version integer;
begin
  -- Every field, and no other column, whatever the request has besides.
  select string_agg(format('%I', f.key), ', '),
    jsonb_object_agg(f.key, request -> f.key)
  into v_columns, v_fields
  from jsonb_object_keys(app.editable_fields(v_lead)) f (key);
  v_wanted := jsonb_populate_record(v_lead, v_fields);
  execute format(
    'update app.leads set (%1$s, version) = (select %1$s, $2 + 1 from (select ($1).*) w)
     where id = ($1).id and version = $2
     returning version',
    v_columns
  )
  using v_wanted, (request ->> 'version')::integer
  into v_version;
  if v_version is not null then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_lead.business_id, 'owner', 'lead_corrected', v_lead.id);
    return jsonb_build_object('outcome', 'saved', 'version', v_version);
  end if;

  select * into v_lead from app.leads where id = v_lead.id;
  if not found then
    perform app.refuse('not_found', 'the owner has no such lead');
  -- The answer to this very call was lost, and it is made again.
  elsif v_lead.version = (request ->> 'version')::integer + 1
    and app.editable_fields(v_lead) = app.editable_fields(v_wanted)
  then
    return jsonb_build_object('outcome', 'saved', 'version', v_lead.version);
  end if;
  return jsonb_build_object(
    'outcome', 'conflict',
    'current', (
      select app.lead_view(v_lead, b.time_zone) from app.businesses b where b.id = v_lead.business_id
    )
  );
end;
$$;
comment on function public.correct_lead(jsonb) is
  'Corrects all editable fields of a lead (lead_id) over the version that was read. Outcome: saved (with the new version), or conflict (with the current lead).';
grant execute on function public.correct_lead(jsonb) to service_role;
