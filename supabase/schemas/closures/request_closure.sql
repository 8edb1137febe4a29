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
  v_job_id uuid;
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
  insert into app.closures (business_id, owner_id, ends_owner, purge_at)
  values (
    v_business.id, v_owner_id,
    not exists (select from app.businesses where owner_id = v_owner_id and state = 'active'),
    app.clock() + app.backup_lifetime()
  )
  returning * into v_closure;
  v_job_id := app.owe_job(
    'closure', p_closure_id => v_closure.id, p_run_at => case when v_is_left then app.clock() end
  );
  if v_closure.ends_owner then
    perform app.shut_out(v_owner_id);
  end if;
  insert into app.audit_events (business_id, actor, action, subject_id)
  values (v_business.id, 'owner', 'closure_requested', v_closure.id);
  return jsonb_build_object(
    'closure', app.closure_view(v_closure),
    'work', (
      select app.closure_work(j) from app.jobs j where j.id = v_job_id and not v_is_left
    )
  );
end;
$$;
comment on function public.request_closure(jsonb) is
  'Closes a shop of the session''s owner (business_id, where there are several) whose name was typed as confirmation; with the last shop the account. Returns the closure and, if it is new, its work, claimed for the caller unless it is left to the scheduler (is_left). other_name: it is another.';
grant execute on function public.request_closure(jsonb) to service_role;
