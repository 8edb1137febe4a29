//! A person's way through the product, in a real browser against the whole local stack.
//!
//! Run only where it is named (`.ci/run browser`): it needs Chromium.

use std::sync::Arc;

use leadslock::pages::table::{Audience, PAGES};
use local::browser::Browser;
use reqwest::Method;
use serde_json::json;
use stack::{Database, Foundation, Stack, compile, postgres::Data, product, progress::Progress};

/// Every page that is looked at: its path, and whether it is an owner's.
fn pages() -> Vec<serde_json::Value> {
    let shown = PAGES.iter().filter(|page| page.is_html && page.methods.contains(&Method::GET));
    let paths = shown.flat_map(|page| {
        page.queries.iter().map(move |query| {
            let path = format!("{}{query}", page.path);
            json!({ "path": path, "isOwners": page.audience == Audience::Owner })
        })
    });
    paths.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_along_in_a_real_browser() {
    let progress = Progress::shown();
    let browser = Browser::prepare(&progress).await.unwrap();
    let executables = compile::functions(false).await.unwrap();
    let foundation = Arc::new(Foundation::lay(Data::Temporary, None, &progress).await.unwrap());
    let options = product::Options { executables, ..Default::default() };
    let stack =
        Stack::start(&foundation, Database::Temporary, None, options, &progress).await.unwrap();
    let database = stack.supabase.connect().await.unwrap();
    // The seed has numbers that no shop has yet; whoever comes gets the first.
    let free = "select phone::text from app.sender_numbers where business_id is null
                order by created_at, phone limit 1";
    let number: String = database.query_one(free, &[]).await.unwrap().get(0);
    drop(database);

    let outcome = browser
        .run(
            "suite.mjs",
            &[
                ("PRODUCT", stack.product.edge.url().to_string()),
                ("CONTROL", stack.product.simulator.url().join("/control").unwrap().to_string()),
                ("SUPABASE", stack.supabase.url.to_string()),
                ("NUMBER", number),
                ("PAGES", serde_json::Value::from(pages()).to_string()),
            ]
            .into(),
        )
        .await;

    stack.stop().await.unwrap();
    Arc::into_inner(foundation).unwrap().stop().await.unwrap();
    outcome.unwrap();
}
