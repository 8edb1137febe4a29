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
