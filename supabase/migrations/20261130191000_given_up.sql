-- A text that was given up while nobody knew whether Twilio has it is looked up once more
-- when its shop is closed.

-- What is under way and can be stopped, is. A text that Twilio may have keeps its
-- job until that is known: its copy there is to be emptied too.
create or replace function app.stop_work(p_business_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform
  from app.jobs j
  join app.messages m on m.id = j.message_id
  where j.state = 'open' and m.business_id = p_business_id
  order by j.id
  for update of j;
  -- Nor is it known of one that was given up. The gate lets nothing be sent any more.
  update app.jobs j
  set state = 'open', outcome = null, finished_at = null, attempts = 0, run_at = app.clock()
  from app.messages m
  where m.id = j.message_id
    and m.business_id = p_business_id
    and j.state = 'dead'
    and j.kind = 'send'
    and m.attempted_at is not null
    and m.twilio_sid is null;

  with ended as (
    update app.jobs j
    set state = 'done', outcome = 'business_not_active', finished_at = app.clock()
    from app.messages m
    where m.id = j.message_id
      and m.business_id = p_business_id
      and j.state = 'open'
      and (j.kind = 'reply' or j.kind = 'send' and m.attempted_at is null)
    returning j.message_id, j.kind
  )
  update app.messages m
  set status = 'withheld'
  from ended
  where ended.kind = 'send' and m.id = ended.message_id and m.status = 'pending';

  -- One whose rows are being gathered at this moment, which may take a minute, is left:
  -- nobody can fetch it any more, and it goes with the account's rows and files.
  with ended as (
    update app.exports
    set state = case when state = 'ready' then 'expired' else 'cancelled' end
    where id in (
      select id
      from app.exports
      where business_id = p_business_id and state in ('unconfirmed', 'open', 'ready')
      for no key update skip locked
    )
    returning id, storage_path
  ),
  stopped as (
    update app.jobs
    set state = 'done', outcome = 'business_not_active', finished_at = app.clock()
    where export_id in (select id from ended) and state = 'open'
  )
  insert into app.object_deletions (bucket, path)
  select 'exports', storage_path
  from ended
  on conflict do nothing;
end;
$$;
comment on function app.stop_work(uuid) is
  'Ends the answers, texts and exports of a shop that are not done, and has its bundles deleted.';
