-- Invariant: What Twilio has to forget is written down before its SID is erased, in the
-- same transaction (app.twilio_redactions). A text that was handed over as the account
-- was closed keeps its job until its SID is known, and the seal waits for that.
--
-- The newest texts first: a text refers only to older ones. What Twilio has to
-- forget is written down in the same transaction.
create function app.erase_texts(p_closure app.closures, p_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_count bigint;
begin
  -- In the order job, message.
  perform from app.jobs where message_id = any (p_ids) order by id for update;
  perform from app.messages where id = any (p_ids) order by id for update;
  delete from app.jobs where message_id = any (p_ids);
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'jobs', v_count);
  delete from app.status_events where message_id = any (p_ids);
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'status_events', v_count);

  insert into app.twilio_redactions as r (message_sid, closure_id, media_sids)
  select m.twilio_sid, p_closure.id, coalesce(
    array_agg(p.twilio_sid order by p.position)
      filter (where p.twilio_sid is not null and p.removed_at is null),
    '{}'
  )
  from app.messages m
  left join app.media p on p.message_id = m.id
  where m.id = any (p_ids) and m.twilio_sid is not null
  group by m.twilio_sid
  on conflict (message_sid) do update
    set closure_id = excluded.closure_id, media_sids = excluded.media_sids;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'texts_at_twilio', v_count);
  delete from app.media where message_id = any (p_ids);
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'media', v_count);
  -- Whatever the clock did while they were made.
  update app.messages set in_reply_to = null where in_reply_to = any (p_ids);
  delete from app.messages where id = any (p_ids);
  perform app.count_erased(p_closure, 'messages', cardinality(p_ids));
end;
$$;
comment on function app.erase_texts(app.closures, uuid[]) is
  'Erases texts of an account that is sealed, with all that belongs to them.';
