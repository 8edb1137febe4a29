-- The baseline: closing an account.
--
-- Made once from supabase/schemas, where each object has its file: read it there.

-- Bodies name objects of later parts.
set check_function_bodies = off;

create function app.backup_lifetime()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '90 days';
$$;
comment on function app.backup_lifetime() is
  'How long the sealed backup of a closed account is kept: what we promise.';

create function app.backups_of(p_closure app.closures)
returns table (bucket text, path text)
language sql
stable
set search_path = ''
as $$
  select o.bucket_id, o.name
  from storage.objects o
  where o.bucket_id = 'backups'
    and o.name collate "C" >= p_closure.id::text || '/'
    and o.name collate "C" < p_closure.id::text || '0';
$$;
comment on function app.backups_of(app.closures) is
  'The sealed backups of a closure: the one that counts, and those of attempts that were cut off.';

-- Ids, counts, dates, hashes. lib writes it canonically, and signs it.
create function app.certificate_content(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'format', 'leadslock deletion certificate 1',
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'requested_at', app.ledger_time(p_closure.requested_at),
    'purge_at', app.ledger_time(p_closure.purge_at),
    'restored_at', app.ledger_time(p_closure.restored_at),
    'issued_at', app.ledger_time(app.clock()),
    'sealed_rows', p_closure.counts,
    'receipts', (
      select jsonb_agg(
        jsonb_build_object('step', r.step, 'at', app.ledger_time(r.at), 'detail', r.detail)
        order by array_position(app.closure_steps(), r.step)
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'kept', jsonb_build_array(
      'opt-outs, as keyed hashes of phone numbers', 'audit events, without personal data',
      'invoices at Stripe, which the law wants kept'
    )
  );
$$;
comment on function app.certificate_content(app.closures) is 'What the certificate of a closure says.';

create function public.certify_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'certificate' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(v_closure, '{}');
  update app.closures
  set certificate = request ->> 'certificate',
      state = 'done',
      finished_at = app.clock(),
      owner_id = null
  where id = v_closure.id;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_closure.business_id, 'system', 'closure_completed', v_closure.id);
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.certify_closure(jsonb) is
  'Ends a closure with its certificate. Outcome: finished or stale.';
grant execute on function public.certify_closure(jsonb) to service_role;

create function public.claim_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  update app.closures
  set run_at = app.clock() + app.closure_lease(), fencing_token = fencing_token + 1
  where id = (
    select id
    from app.closures
    where state = 'open' and run_at <= app.clock()
    order by run_at, id
    limit 1
    for no key update skip locked
  )
  returning * into v_closure;
  return jsonb_build_object(
    'work', case when found then app.closure_work(v_closure) end,
    'overdue', (select count(*) from app.closures c where app.is_overdue(c))
  );
end;
$$;
comment on function public.claim_closure(jsonb) is
  'Claims a closure that is due to be worked on, and tells how many are overdue.';
grant execute on function public.claim_closure(jsonb) to service_role;

create function public.claim_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with claimed as (
    update app.twilio_redactions
    set run_at = app.clock() + app.lease(), attempts = attempts + 1
    where message_sid in (
      select message_sid
      from app.twilio_redactions
      where run_at <= app.clock()
      order by run_at
      limit (request ->> 'limit')::integer
      for update skip locked
    )
    returning message_sid, media_sids
  )
  select jsonb_build_object(
    'texts', coalesce(
      jsonb_agg(jsonb_build_object('message_sid', c.message_sid, 'media_sids', c.media_sids)), '[]'
    )
  )
  from claimed c;
$$;
comment on function public.claim_twilio_redactions(jsonb) is
  'Claims texts that Twilio is to forget, as many as limit says.';
grant execute on function public.claim_twilio_redactions(jsonb) to service_role;

create function app.closure_lease()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '15 minutes';
$$;
comment on function app.closure_lease() is
  'How long a closure belongs to its holder after a call; longer than the longest step, the seal.';

create function public.closure_status(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with under_way as (
    select c.*, app.is_overdue(c) as is_overdue
    from app.closures c
    where c.state = 'open'
  )
  select jsonb_build_object(
    'closures_under_way', count(*) filter (where u.step <> 'key'),
    'closures_sealed', count(*) filter (where u.step = 'key'),
    'closures_overdue', count(*) filter (where u.is_overdue),
    'closures_most_urgent', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object(
            'closure_id', m.id, 'business_id', m.business_id, 'step', m.step,
            'requested_at', m.requested_at, 'purge_at', m.purge_at, 'run_at', m.run_at,
            'faults', m.faults, 'last_fault', m.last_fault, 'is_overdue', m.is_overdue
          )
          order by m.is_overdue desc, m.run_at
        ),
        '[]'
      )
      from (
        select *
        from under_way
        where step <> 'key' or is_overdue
        order by is_overdue desc, run_at
        limit 20
      ) m
    ),
    'texts_twilio_is_to_forget', (select count(*) from app.twilio_redactions),
    'texts_twilio_does_not_forget', (
      select count(*) from app.twilio_redactions where attempts > 10
    )
  )
  from (select request) r
  left join under_way u on true;
$$;
comment on function public.closure_status(jsonb) is
  'How many accounts are being closed, at which step, and which of them are overdue.';
grant execute on function public.closure_status(jsonb) to service_role;

create function app.closure_step_billing(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'step', 'billing',
    'customers', (
      select coalesce(jsonb_agg(c.id order by c.id), '[]')
      from app.stripe_customers c
      where c.business_id = p_closure.business_id
    ),
    'subscriptions', (
      select coalesce(jsonb_agg(s.id order by s.id), '[]')
      from app.subscriptions s
      where s.business_id = p_closure.business_id
        and s.status not in ('canceled', 'incomplete_expired')
    )
  );
$$;
comment on function app.closure_step_billing(app.closures) is
  'What is to be ended at Stripe for a closure.';

create function app.closure_step_files(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
  v_objects jsonb;
begin
  if not p_closure.erased ? 'objects' then
    perform app.count_erased(
      p_closure, 'objects', (select count(*) from app.objects_of(p_closure))
    );
  end if;
  select jsonb_agg(f) into v_objects from (select * from app.objects_of(p_closure) limit 100) f;
  if v_objects is not null then
    return jsonb_build_object('step', 'files', 'objects', v_objects);
  end if;
  select * into strict v_closure from app.closures where id = p_closure.id;
  perform app.finish_step(v_closure, jsonb_build_object('objects', v_closure.erased -> 'objects'));
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_files(app.closures) is
  'The next objects of a closed account that are to be deleted.';

create function app.closure_step_key(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if p_closure.purge_at > app.clock() then
    return app.put_off_closure(p_closure, p_closure.purge_at);
  end if;
  -- What a restore that was begun and given up has left goes first.
  if p_closure.restored_at is null
    and exists (select from app.businesses where id = p_closure.business_id)
  then
    if not app.erase_rows(p_closure) then
      perform app.erase_shop(p_closure);
      if p_closure.ends_owner then
        perform app.erase_owner(p_closure);
      end if;
    end if;
    return '{"step": "progressed"}';
  end if;
  update app.closures set wrapped_key = null where id = p_closure.id;
  perform app.finish_step(p_closure, jsonb_build_object('key_id', p_closure.key_id));
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_key(app.closures) is
  'Destroys the key of a sealed backup at its purge date.';

create function app.closure_step_object(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_objects jsonb;
begin
  select jsonb_agg(f) into v_objects
  from (
    select * from app.backups_of(p_closure)
    union
    -- What was on its way to a bucket while the account was erased.
    select * from app.objects_of(p_closure) where p_closure.restored_at is null
    limit 100
  ) f;
  if v_objects is not null then
    return jsonb_build_object('step', 'files', 'objects', v_objects);
  end if;
  perform app.finish_step(
    p_closure,
    jsonb_build_object(
      'sha256', encode(p_closure.sha256, 'hex'), 'byte_count', p_closure.byte_count
    )
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_object(app.closures) is
  'The sealed backups of a closure that are to be deleted.';

create function app.closure_step_owner(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if p_closure.ends_owner and exists (
    select from app.businesses where owner_id = p_closure.owner_id
  ) then
    -- Another shop of the owner's, closed before, that is not erased yet.
    return app.put_off_closure(p_closure, app.clock() + interval '1 minute');
  end if;
  perform app.finish_step(
    p_closure,
    case when p_closure.ends_owner then app.erase_owner(p_closure) else '{"users": 0}' end
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_owner(app.closures) is
  'Erases the owner from Auth, if the account ends with the closure.';

create function app.closure_step_rows(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  if not app.erase_rows(p_closure) then
    perform app.erase_shop(p_closure);
    select * into strict v_closure from app.closures where id = p_closure.id;
    perform app.finish_step(v_closure, v_closure.erased);
  end if;
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_rows(app.closures) is
  'Erases some rows of a closed account; in the end the shop.';

create function app.closure_step_settle(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if not app.is_settled(p_closure) then
    return app.put_off_closure(
      p_closure,
      greatest(p_closure.requested_at + app.lease(), app.clock() + interval '30 seconds')
    );
  end if;
  perform app.finish_step(p_closure, '{}');
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_settle(app.closures) is
  'Waits until it is known of each text whether Twilio has it.';

-- What Twilio does with its copy does not keep ours: at the purge date the
-- certificate says how many are left, and they are tried on.
create function app.closure_step_twilio(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_next timestamptz;
  v_left bigint;
begin
  select min(run_at), count(*) into v_next, v_left
  from app.twilio_redactions
  where closure_id = p_closure.id;
  if v_left > 0 and p_closure.purge_at > app.clock() then
    if v_next <= app.clock() then
      return '{"step": "twilio"}';
    end if;
    return app.put_off_closure(p_closure, least(v_next, p_closure.purge_at));
  end if;
  perform app.finish_step(
    p_closure,
    jsonb_build_object(
      'texts', coalesce(p_closure.erased -> 'texts_at_twilio', '0'), 'texts_left', v_left
    )
  );
  return '{"step": "progressed"}';
end;
$$;
comment on function app.closure_step_twilio(app.closures) is
  'Whether texts of a closed account are to be emptied at Twilio.';

create function app.closure_steps()
returns text[]
language sql
immutable
set search_path = ''
as $$
  select array[
    -- Nothing is paid any more.
    'billing',
    -- Texts and pictures that were under way are known.
    'settle',
    'seal',
    -- From here on the account exists in the sealed backup only.
    -- Who owns files cannot be erased: those go first.
    'rows', 'files', 'owner', 'twilio',
    -- These wait for the purge date.
    'key', 'object', 'certificate'
  ];
$$;
comment on function app.closure_steps() is 'The steps of a closure, in their order.';

create function app.closure_view(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'state', case
      when p_closure.restored_at is not null then 'restored'
      when p_closure.state = 'done' then 'purged'
      when p_closure.step in ('key', 'object', 'certificate') then 'erased'
      else 'closing'
    end,
    'requested_at', p_closure.requested_at,
    'purge_at', p_closure.purge_at,
    'receipts', (
      select coalesce(
        jsonb_agg(
          jsonb_build_object('step', r.step, 'at', r.at, 'detail', r.detail)
          order by array_position(app.closure_steps(), r.step)
        ),
        '[]'
      )
      from app.closure_receipts r
      where r.closure_id = p_closure.id
    ),
    'certificate', p_closure.certificate
  );
$$;
comment on function app.closure_view(app.closures) is
  'What an owner is told of a closure: closing, erased (the sealed backup is left), purged, or restored.';

create function app.closure_work(p_closure app.closures)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'closure_id', p_closure.id,
    'business_id', p_closure.business_id,
    'fencing_token', p_closure.fencing_token
  );
$$;
comment on function app.closure_work(app.closures) is 'What the holder of a closure needs to know.';

create function app.count_erased(p_closure app.closures, p_what text, p_count bigint)
returns void
language sql
set search_path = ''
as $$
  update app.closures
  set erased = erased || jsonb_build_object(
    p_what, coalesce((erased ->> p_what)::bigint, 0) + p_count
  )
  where id = p_closure.id;
$$;
comment on function app.count_erased(app.closures, text, bigint) is 'Adds to what a closure has erased.';

create function public.end_closure_billing(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'billing' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  perform app.finish_step(
    v_closure, jsonb_build_object('subscriptions_live', (request ->> 'subscriptions_live')::integer)
  );
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.end_closure_billing(jsonb) is
  'Records that Stripe has no subscription of a closed shop that could still be paid. Outcome: finished or stale.';
grant execute on function public.end_closure_billing(jsonb) to service_role;

-- By SQL and not by Auth's API: that would write the address into Auth's audit
-- log once more, after everything else is gone.
create function app.erase_owner(p_closure app.closures)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_id text := p_closure.owner_id::text;
  v_email text;
  v_entries bigint;
  v_users bigint;
begin
  select lower(u.email) into v_email from auth.users u where u.id = p_closure.owner_id;
  delete from auth.audit_log_entries
  where strpos(payload::text, v_id) > 0
    or (v_email <> '' and strpos(lower(payload::text), v_email) > 0);
  get diagnostics v_entries = row_count;
  delete from auth.flow_state where user_id = p_closure.owner_id;
  delete from auth.refresh_tokens where user_id::text = v_id;
  -- Sessions, identities, factors and one-time tokens go with it.
  delete from auth.users where id = p_closure.owner_id;
  get diagnostics v_users = row_count;
  return jsonb_build_object('users', v_users, 'audit_log_entries', v_entries);
end;
$$;
comment on function app.erase_owner(app.closures) is
  'Erases an owner from Supabase Auth, its audit log included. Returns how much.';

create function app.erase_rows(p_closure app.closures)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_shop uuid := p_closure.business_id;
  v_table text;
  v_key text;
  v_ids uuid[];
  v_count bigint;
begin
  select array_agg(t.id) into v_ids
  from (
    select id from app.messages where business_id = v_shop order by id desc limit 2000
  ) t;
  if v_ids is not null then
    perform app.erase_texts(p_closure, v_ids);
    return true;
  end if;

  -- Each when nothing refers to it any more.
  for v_table, v_key in
    select o.name, o.key
    from (
      values (1, 'leads', 'id'), (2, 'consent_events', 'id'), (3, 'consent_ledgers', 'phone_hmac')
    ) o (place, name, key)
    order by o.place
  loop
    execute format(
      'delete from app.%1$I
       where business_id = $1
         and %2$I in (select %2$I from app.%1$I where business_id = $1 limit 5000)',
      v_table, v_key
    )
    using v_shop;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      perform app.count_erased(p_closure, v_table, v_count);
      return true;
    end if;
  end loop;

  -- Large rows, and none that anybody asks for: not worth a count.
  delete from app.export_chunks
  where (export_id, number) in (
    select c.export_id, c.number
    from app.exports e
    join app.export_chunks c on c.export_id = e.id
    where e.business_id = v_shop
    limit 200
  );
  if found then
    return true;
  end if;
  delete from app.exports where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'exports', v_count);
  return false;
end;
$$;
comment on function app.erase_rows(app.closures) is
  'Erases some rows of an account that is sealed. False when none are left but the shop''s own.';

-- The shop itself, and what its billing is known by. Whoever stores an answer of
-- Stripe's holds the shop's row meanwhile; whoever comes later finds no shop.
create function app.erase_shop(p_closure app.closures)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_shop uuid := p_closure.business_id;
  v_count bigint;
begin
  perform from app.businesses where id = v_shop for update;
  delete from app.subscriptions where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'subscriptions', v_count);
  delete from app.stripe_customers where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'stripe_customers', v_count);
  update app.sender_numbers set business_id = null where business_id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'numbers_released', v_count);
  delete from app.businesses where id = v_shop;
  get diagnostics v_count = row_count;
  perform app.count_erased(p_closure, 'businesses', v_count);
end;
$$;
comment on function app.erase_shop(app.closures) is
  'Releases the numbers of a shop, whose other rows are erased, and erases it.';

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

-- Nothing is given up: what was asked for is owed. The operator sees it.
create function public.fail_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set faults = faults + 1,
      last_fault = request ->> 'fault',
      run_at = app.clock()
        + least(interval '1 hour', interval '10 seconds' * power(2, least(faults, 10)))
  where id = v_closure.id;
  if v_closure.faults + 1 = 10 then
    insert into app.audit_events (business_id, actor, action, subject_id)
    values (v_closure.business_id, 'system', 'closure_stuck', v_closure.id);
  end if;
  return jsonb_build_object('outcome', 'postponed');
end;
$$;
comment on function public.fail_closure(jsonb) is
  'Has a closure tried again later, and keeps why (fault). Outcome: postponed or stale.';
grant execute on function public.fail_closure(jsonb) to service_role;

create function app.finish_step(p_closure app.closures, p_detail jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into app.closure_receipts (closure_id, step, detail)
  values (p_closure.id, p_closure.step, p_detail);
  update app.closures
  set step = coalesce(
        (app.closure_steps())[array_position(app.closure_steps(), p_closure.step) + 1], step
      ),
      faults = 0,
      last_fault = null
  where id = p_closure.id;
end;
$$;
comment on function app.finish_step(app.closures, jsonb) is
  'Writes the receipt of a closure''s step, and goes on to the next.';

-- The holder's row, its lease renewed; null for whoever has lost it.
create function app.hold_closure(request jsonb)
returns app.closures
language sql
set search_path = ''
as $$
  update app.closures
  set run_at = app.clock() + app.closure_lease()
  where id = (request ->> 'closure_id')::uuid
    and fencing_token = (request ->> 'fencing_token')::bigint
    and state = 'open'
  returning *;
$$;
comment on function app.hold_closure(jsonb) is
  'Renews the lease of a closure (closure_id, fencing_token) and locks it; null if the lease is lost.';

-- A closure takes minutes, and hours at most for what Twilio is slow to forget.
create function app.is_overdue(p_closure app.closures)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_closure.state = 'open'
    and app.clock() > interval '1 day' + case
      when p_closure.step in ('key', 'object', 'certificate') then p_closure.purge_at
      else p_closure.requested_at
    end;
$$;
comment on function app.is_overdue(app.closures) is
  'Whether a closure should have ended its steps, or destroyed its backup, a day ago.';

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
  select p_closure.requested_at + app.lease() <= app.clock()
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

-- What the holder is to do next. Steps that are SQL alone are done here, a piece
-- at each call.
create function public.next_closure_step(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
-- Auth's audit log has no index to find a person by.
set statement_timeout = '60s'
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.id is null then
    return '{"step": "stale"}';
  end if;
  return case v_closure.step
    when 'billing' then app.closure_step_billing(v_closure)
    when 'settle' then app.closure_step_settle(v_closure)
    -- Another path for each holder: one that comes late replaces nothing.
    when 'seal' then jsonb_build_object(
      'step', 'seal', 'storage_path', format('%s/%s', v_closure.id, v_closure.fencing_token)
    )
    when 'rows' then app.closure_step_rows(v_closure)
    when 'files' then app.closure_step_files(v_closure)
    when 'owner' then app.closure_step_owner(v_closure)
    when 'twilio' then app.closure_step_twilio(v_closure)
    when 'key' then app.closure_step_key(v_closure)
    when 'object' then app.closure_step_object(v_closure)
    when 'certificate' then jsonb_build_object(
      'step', 'certificate', 'content', app.certificate_content(v_closure)
    )
  end;
end;
$$;
comment on function public.next_closure_step(jsonb) is
  'What the holder of a closure (closure_id, fencing_token) is to do, or that a piece was done here (progressed), that it is not due (wait), or that the lease is lost (stale).';
grant execute on function public.next_closure_step(jsonb) to service_role;

create function public.objects_deleted(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with deleted as (
    delete from app.object_deletions d
    using jsonb_to_recordset(request -> 'objects') o (bucket text, path text)
    where d.bucket = o.bucket and d.path = o.path
    returning d.path
  )
  select jsonb_build_object('deleted', (select count(*) from deleted));
$$;
comment on function public.objects_deleted(jsonb) is 'Records that objects are deleted.';
grant execute on function public.objects_deleted(jsonb) to service_role;

-- What Storage has of an account: in any bucket below the shop's id, or put there
-- by the owner. Only Storage's API deletes objects; a row deleted here would leave
-- the file.
create function app.objects_of(p_closure app.closures)
returns table (bucket text, path text)
language sql
stable
set search_path = ''
as $$
  select o.bucket_id, o.name
  from storage.buckets b
  join storage.objects o
    on o.bucket_id = b.id
    and o.name collate "C" >= p_closure.business_id::text || '/'
    and o.name collate "C" < p_closure.business_id::text || '0'
  union
  select o.bucket_id, o.name
  from storage.objects o
  where p_closure.ends_owner and o.owner_id = p_closure.owner_id::text;
$$;
comment on function app.objects_of(app.closures) is 'Objects of an account that Storage still has.';

create function public.objects_to_delete(request jsonb)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'objects', coalesce(jsonb_agg(jsonb_build_object('bucket', o.bucket, 'path', o.path)), '[]')
  )
  from (
    select d.bucket, d.path
    from (select request) r
    cross join app.object_deletions d
    order by d.created_at
    limit 100
  ) o;
$$;
comment on function public.objects_to_delete(jsonb) is 'Objects that are to be deleted, 100 of them.';
grant execute on function public.objects_to_delete(jsonb) to service_role;

create function app.put_off_closure(p_closure app.closures, p_until timestamptz)
returns jsonb
language sql
set search_path = ''
as $$
  update app.closures set run_at = p_until where id = p_closure.id;
  select '{"step": "wait"}'::jsonb;
$$;
comment on function app.put_off_closure(app.closures, timestamptz) is
  'Has a closure claimed again at a time, and not before.';

-- The time of the run is over, or all is done for now: the next run may go on.
create function public.release_closure(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with released as (
    update app.closures
    set run_at = app.clock()
    where id = (request ->> 'closure_id')::uuid
      and fencing_token = (request ->> 'fencing_token')::bigint
      and state = 'open'
    returning id
  )
  select jsonb_build_object('outcome', case when exists (select from released) then 'released' else 'stale' end);
$$;
comment on function public.release_closure(jsonb) is
  'Gives a closure back before its lease is over. Outcome: released or stale.';
grant execute on function public.release_closure(jsonb) to service_role;

-- Who asks again has no session any more, only the token that was good for the
-- first request. It is genuine and of a recent sign-in, or the caller would not
-- have come here; and all it gets is what it got then.
create function public.request_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := (request -> 'session' ->> 'user_id')::uuid;
  v_asked_id uuid := (request ->> 'business_id')::uuid;
  v_is_left boolean := coalesce((request ->> 'is_left')::boolean, false);
  v_businesses app.businesses[];
  v_business app.businesses;
  v_closure app.closures;
begin
  -- Two requests at once: the second waits here, then finds what the first did.
  perform from app.businesses where owner_id = v_owner_id order by id for no key update;
  select * into v_closure
  from app.closures
  where owner_id = v_owner_id
    and restored_at is null
    and (business_id = v_asked_id or v_asked_id is null and ends_owner)
  order by requested_at desc
  limit 1;
  if found then
    return jsonb_build_object('closure', app.closure_view(v_closure), 'work', null);
  end if;

  perform app.require_session(request -> 'session');
  select array_agg(b) into v_businesses
  from app.businesses b
  where b.owner_id = v_owner_id and b.state = 'active' and b.id = coalesce(v_asked_id, b.id);
  if v_businesses is null then
    perform app.refuse('not_found', 'the owner has no such shop');
  elsif cardinality(v_businesses) > 1 then
    perform app.refuse('ambiguous', 'the owner has several shops');
  end if;
  v_business := v_businesses[1];
  if not app.is_same_name(v_business.name, request ->> 'confirmation') then
    perform app.refuse('other_name', 'the shop has another name');
  end if;

  update app.businesses
  set state = 'closing', updated_at = app.clock()
  where id = v_business.id;
  perform app.stop_work(v_business.id);
  insert into app.closures (business_id, owner_id, ends_owner, purge_at, run_at, fencing_token)
  values (
    v_business.id, v_owner_id,
    not exists (select from app.businesses where owner_id = v_owner_id and state = 'active'),
    app.clock() + app.backup_lifetime(),
    app.clock() + case when v_is_left then interval '0' else app.closure_lease() end, 1
  )
  returning * into v_closure;
  if v_closure.ends_owner then
    perform app.shut_out(v_owner_id);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_business.id, 'owner', 'closure_requested', v_closure.id);
  return jsonb_build_object(
    'closure', app.closure_view(v_closure),
    'work', case when not v_is_left then app.closure_work(v_closure) end
  );
end;
$$;
comment on function public.request_closure(jsonb) is
  'Closes a shop of the session''s owner (business_id, where there are several) whose name was typed as confirmation; with the last shop the account. Returns the closure and, if it is new, its work, claimed for the caller unless it is left to the scheduler (is_left). other_name: it is another.';
grant execute on function public.request_closure(jsonb) to service_role;

create function public.seal_closure(request jsonb)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_closure app.closures := app.hold_closure(request);
begin
  if v_closure.step is distinct from 'seal' then
    return jsonb_build_object('outcome', 'stale');
  end if;
  update app.closures
  set key_id = request ->> 'key_id',
      wrapped_key = decode(request ->> 'wrapped_key', 'base64'),
      storage_path = request ->> 'storage_path',
      byte_count = (request ->> 'byte_count')::bigint,
      sha256 = decode(request ->> 'sha256', 'hex'),
      counts = request -> 'counts',
      sealed_at = app.clock()
  where id = v_closure.id;
  perform app.finish_step(
    v_closure,
    jsonb_build_object(
      'sha256', request ->> 'sha256', 'byte_count', (request ->> 'byte_count')::bigint,
      'key_id', request ->> 'key_id',
      'pictures', (request ->> 'pictures')::bigint,
      'pictures_missing', (request ->> 'pictures_missing')::bigint
    )
  );
  return jsonb_build_object('outcome', 'finished');
end;
$$;
comment on function public.seal_closure(jsonb) is
  'Records the sealed backup and its wrapped key (storage_path, byte_count, sha256 in hex, counts, pictures, pictures_missing, key_id, wrapped_key in base64). From then on rows are erased. Outcome: finished or stale.';
grant execute on function public.seal_closure(jsonb) to service_role;

-- Emptying what is empty does no harm, so no token keeps a late holder out.
create function public.settle_twilio_redactions(request jsonb)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with forgotten as (
    delete from app.twilio_redactions
    where message_sid in (select jsonb_array_elements_text(request -> 'forgotten'))
    returning message_sid
  ),
  put_off as (
    update app.twilio_redactions
    set run_at = app.clock()
      + least(interval '1 hour', interval '10 seconds' * power(2, least(attempts, 10)))
    where message_sid in (select jsonb_array_elements_text(request -> 'put_off'))
    returning message_sid
  )
  select jsonb_build_object(
    'forgotten', (select count(*) from forgotten), 'put_off', (select count(*) from put_off)
  );
$$;
comment on function public.settle_twilio_redactions(jsonb) is
  'Records which texts Twilio has forgotten, and which are to be tried again later.';
grant execute on function public.settle_twilio_redactions(jsonb) to service_role;

create function public.show_closure(request jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_closure app.closures;
begin
  select * into v_closure from app.closures where id = (request ->> 'closure_id')::uuid;
  if not found then
    perform app.refuse('not_found', 'there is no such closure');
  end if;
  return app.closure_view(v_closure);
end;
$$;
comment on function public.show_closure(jsonb) is
  'How far a closure is. It says nothing of anybody; the caller has checked the link all the same.';
grant execute on function public.show_closure(jsonb) to service_role;

-- Supabase Auth signs nobody in who is banned, by whatever means, and a session
-- that is gone cannot be renewed.
create function app.shut_out(p_user_id uuid)
returns void
language sql
set search_path = ''
as $$
  update auth.users set banned_until = app.clock() + interval '100 years' where id = p_user_id;
  delete from auth.refresh_tokens where user_id::text = p_user_id::text;
  delete from auth.sessions where user_id = p_user_id;
$$;
comment on function app.shut_out(uuid) is 'Ends all sessions of a user, and lets none begin.';

-- What is under way and can be stopped, is. A text that Twilio may have keeps its
-- job until that is known: its copy there is to be emptied too.
create function app.stop_work(p_business_id uuid)
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
    returning storage_path
  )
  insert into app.object_deletions (bucket, path)
  select 'exports', storage_path
  from ended
  on conflict do nothing;
end;
$$;
comment on function app.stop_work(uuid) is
  'Ends the answers, texts and exports of a shop that are not done, and has its bundles deleted.';

reset check_function_bodies;
