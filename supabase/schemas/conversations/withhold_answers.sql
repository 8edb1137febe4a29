create function app.withhold_answers(p_jobs uuid[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_job app.jobs;
  v_withheld integer := 0;
begin
  for v_job in
    select j.*
    from app.jobs j
    where j.id = any (p_jobs) and j.finished_at is null
    order by j.id
  loop
    if v_job.kind = 'send' then
      update app.messages
      set status = 'withheld'
      where id = v_job.message_id
        and author = 'assistant'
        and status = 'pending'
        and attempted_at is null;
      continue when not found;
    end if;
    perform app.finish_job(v_job.id, 'done', 'refused_taken_over');
    v_withheld := v_withheld + 1;
  end loop;
  return v_withheld;
end;
$$;
comment on function app.withhold_answers(uuid[]) is
  'Withholds the assistant''s answers that these jobs, which the caller has locked, would make or send, but for those that Twilio may have. Returns how many.';
