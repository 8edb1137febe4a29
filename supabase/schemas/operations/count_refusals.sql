create function public.count_refusals(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into app.refusals as r (day, function, reason, count)
  select (app.clock() at time zone 'UTC')::date, request ->> 'function', c.key, c.value::bigint
  from jsonb_each_text(request -> 'counts') c
  -- Two that add at once must not wait for each other crosswise.
  order by c.key
  on conflict (day, function, reason) do update set count = r.count + excluded.count;
  return jsonb_build_object('outcome', 'counted');
end;
$$;
comment on function public.count_refusals(jsonb) is
  'Adds to the counts of refused requests: function, and counts by reason.';
grant execute on function public.count_refusals(jsonb) to service_role;
