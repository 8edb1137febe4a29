-- Whether what was under way is known. A text that was handed to Twilio as the
-- account was closed is looked up by its job, as ever; its copy could not be
-- emptied if nobody knew its SID. Pictures may take an hour: what is not taken
-- over by then stays out of the backup, and is deleted at Twilio like all others.
create function app.is_settled(p_closure app.closures)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_closure.requested_at + app.lease('send') <= app.clock()
    and not exists (
      select
      from app.jobs j
      join app.messages m on m.id = j.message_id
      where j.state = 'open'
        and m.business_id = p_closure.business_id
        and (j.kind = 'send' or p_closure.requested_at + interval '1 hour' > app.clock())
    );
$$;
comment on function app.is_settled(app.closures) is
  'Whether nothing is under way any more in a shop that is being closed.';
