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
