insert into app.stripe_listing (listed_until) values (date_trunc('second', app.clock()));
