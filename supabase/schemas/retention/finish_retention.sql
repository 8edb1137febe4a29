create function public.finish_retention(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
begin
  update app.retention_runs
  set finished_at = app.clock(), is_complete = (request ->> 'is_complete')::boolean
  where id = (request ->> 'run_id')::uuid;
  return jsonb_build_object('outcome', case when found then 'finished' else 'unknown' end);
end;
$$;
comment on function public.finish_retention(jsonb) is
  'Closes the record of a run (run_id), and says whether nothing was left to do (is_complete).';
grant execute on function public.finish_retention(jsonb) to service_role;
