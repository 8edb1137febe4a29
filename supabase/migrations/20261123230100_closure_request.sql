-- An owner asks for the account to be closed, and is told how far it is.

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

-- The name as it was typed, but for case and what is around it.
create function app.is_same_name(p_name text, p_typed text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select lower(normalize(btrim(p_name, e' \t\r\n\u00a0')) collate "und-x-icu")
    = lower(normalize(btrim(p_typed, e' \t\r\n\u00a0')) collate "und-x-icu");
$$;
comment on function app.is_same_name(text, text) is
  'Whether somebody has typed a name; case and outer spaces do not count.';

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
    raise sqlstate 'PT404' using message = 'the owner has no such shop';
  elsif cardinality(v_businesses) > 1 then
    raise sqlstate 'PT400' using message = 'the owner has several shops';
  end if;
  v_business := v_businesses[1];
  if not app.is_same_name(v_business.name, request ->> 'confirmation') then
    raise sqlstate 'PT409' using message = 'the shop has another name';
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
  'Closes a shop of the session''s owner (business_id, where there are several) whose name was typed as confirmation; with the last shop the account. Returns the closure and, if it is new, its work, claimed for the caller unless it is left to the scheduler (is_left). PT409: another name.';
grant execute on function public.request_closure(jsonb) to service_role;

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
    raise sqlstate 'PT404' using message = 'there is no such closure';
  end if;
  return app.closure_view(v_closure);
end;
$$;
comment on function public.show_closure(jsonb) is
  'How far a closure is. It says nothing of anybody; the caller has checked the link all the same.';
grant execute on function public.show_closure(jsonb) to service_role;
