//! What is past its time goes, and nothing else, whatever happens to a run.

mod limits;
mod runs;

use leadslock::{
    context::Context,
    data::retention::purge::Purger,
    paths,
    settings::{Group, Reader},
};

use crate::support::{TestStack, calls::Calls};

/// A text of the demo shop's from [`LEAD`], and so many more that nothing is owed to.
async fn add_texts(stack: &TestStack, count: i32) {
    Calls(stack).receive(1, "text", "hello").await;
    stack.add_texts(count, &["more"]).await;
}

/// Status callbacks in the log that are past their time by up to ten days.
async fn add_overdue_events(stack: &TestStack, count: i32) {
    let add = "insert into app.webhook_events
               select 'twilio', 'SM' || n || ':sent', 'status',
                 app.clock() - interval '90 days' - interval '10 days' * n / $1::integer
               from generate_series(1, $1::integer) n";
    stack.database.execute(add, &[&count]).await.unwrap();
}

const EVENTS_LEFT: &str = "select count(*) from app.webhook_events where type = 'status'";

/// How many rows all runs say they deleted.
const NOTED: &str = "select sum((purged ->> 'webhook_events_status')::bigint)
                     from app.retention_runs";

/// Runs the cron, and returns its status.
async fn retain(stack: &TestStack) -> u16 {
    stack.run_cron(paths::CRON_RETENTION).await
}

/// The function without its process, for what takes an injected end.
fn purger(stack: &TestStack) -> Purger {
    let url = stack.interceptor.url().to_string();
    let lookup = |name: &str| match name {
        "VERCEL_ENV" => Some("development".to_owned()),
        "SUPABASE_URL" => Some(url.clone()),
        "SUPABASE_SECRET_KEY" => Some(stack.secret_key().to_owned()),
        _ => None,
    };
    Context::build(Reader::new(&lookup), &[Group::Supabase], Purger::of).unwrap()
}

/// Stops the clock at the midnight to come.
async fn freeze(stack: &TestStack) {
    let freeze = "create table local.frozen as
                    select date_trunc('day', now(), 'UTC') + interval '1 day' as at;
                  grant select on local.frozen to public;
                  create or replace function app.clock() returns timestamptz
                  language sql stable set search_path = '' as 'select at from local.frozen'";
    stack.database.batch_execute(freeze).await.unwrap();
}
