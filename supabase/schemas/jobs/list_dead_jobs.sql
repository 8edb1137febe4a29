create function public.list_dead_jobs(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'jobs', coalesce(
      jsonb_agg(
        jsonb_build_object(
          'job_id', d.id,
          'kind', d.kind,
          'message_id', d.message_id,
          'business_id', d.business_id,
          'created_at', d.created_at,
          'gave_up_at', d.finished_at,
          'attempts', d.attempts,
          'outcome', d.outcome
        )
        order by d.id
      ),
      '[]'
    )
  )
  from (
    select j.*, m.business_id
    from app.jobs j
    left join app.messages m on m.id = j.message_id
    where j.state = 'dead'
      and j.id > coalesce((request ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by j.id
    limit 100
  ) d;
$$;
comment on function public.list_dead_jobs(jsonb) is 'Jobs that were given up, 100 after the job after.';
grant execute on function public.list_dead_jobs(jsonb) to service_role;
