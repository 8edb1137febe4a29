create function public.record_export_request(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_business app.businesses;
  v_export app.exports;
begin
  select * into v_business from app.businesses where id = (request ->> 'business_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'there is no such shop');
  end if;
  perform app.owe_export(v_business, request ->> 'format', 'operator', 'unconfirmed');
  select * into strict v_export
  from app.exports
  where business_id = v_business.id
    and format = request ->> 'format'
    and state in ('unconfirmed', 'open');
  return app.export_view(v_export);
end;
$$;
comment on function public.record_export_request(jsonb) is
  'Records that an export of business_id in a format was asked for by other means, say e-mail. It is due from then on, and begins when the owner, signed in, asks for the same.';
grant execute on function public.record_export_request(jsonb) to service_role;
