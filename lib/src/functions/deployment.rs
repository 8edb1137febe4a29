//! What Vercel is told: regions, durations, crons, static headers.
//!
//! `vercel.json` is made from this and committed; a test fails when they differ.

use serde_json::{Map, Value, json};

use crate::{
    edge::headers::POLICY,
    functions::{cron_deliver, cron_reconcile, cron_retention},
    pages,
};

/// Montréal: what people write does not leave Canada to be processed.
/// <https://vercel.com/docs/regions>
pub const REGION: &str = "yul1";

/// How long a function that exports or seals may run: all that Vercel gives on the plan that
/// also has the scheduler come every minute.
/// <https://vercel.com/docs/functions/configuring-functions/duration>
const EXPORT_DURATION: u32 = 800;

/// A function, as Vercel runs it.
#[derive(Debug)]
pub struct Function {
    /// Its source file.
    pub source: &'static str,
    /// How long a request may take, in seconds, what comes after the response included.
    pub max_duration: u32,
}

/// Every function of the deployment.
pub const FUNCTIONS: [Function; 10] = [
    // What comes after the answer are the first steps of a closure, as far as they are due.
    Function { source: "api/account/delete.rs", max_duration: EXPORT_DURATION },
    // What comes after the answer is a bundle: the export's time to gather rows,
    // and that to store them.
    Function { source: "api/account/export.rs", max_duration: EXPORT_DURATION },
    // The answer takes milliseconds; what comes after it a few seconds.
    Function { source: "api/sms/inbound.rs", max_duration: 45 },
    Function { source: "api/sms/status.rs", max_duration: 15 },
    // Two rounds of one question each to the database, Stripe and the database.
    Function { source: "api/stripe/event.rs", max_duration: 60 },
    // One to three questions to Stripe, between two to the database.
    Function { source: "api/billing.rs", max_duration: 60 },
    // A few calls to the database, or to Stripe; after the answer there may be an export.
    Function { source: "api/page.rs", max_duration: EXPORT_DURATION },
    // Claims for 25 s; the longest work it then may have begun takes 45. After the
    // answer it goes on with exports and closures.
    Function { source: "api/cron/deliver.rs", max_duration: EXPORT_DURATION },
    // Begins pages for 200 s, of which each takes seconds; one that is cut off is done again.
    Function { source: "api/cron/reconcile.rs", max_duration: 300 },
    // Begins batches for 200 s; the longest step, sampling a table, may take a minute.
    Function { source: "api/cron/retention.rs", max_duration: 300 },
];

/// The scheduler's calls: path and five-field cron expression (UTC).
pub const CRONS: [(&str, &str); 3] = [
    (cron_deliver::PATH, "* * * * *"),
    (cron_reconcile::PATH, "23 8 * * *"),
    // At night in Canada, and not when Stripe's list is compared.
    (cron_retention::PATH, "41 8 * * *"),
];

/// What is neither a file nor below `/api/` is a page, or the page that says there is none.
/// Files come first, and the function sees the path that was asked for.
/// <https://vercel.com/docs/project-configuration#rewrites>
const PAGES: &str = "/((?!api/).*)";

/// The content of `vercel.json`.
///
/// Framework, install and build commands are switched off by name, and the
/// output folder is named: else Vercel's build would install the development
/// tools and publish the source.
///
/// The region is named twice. The one at the top is for whatever has no entry of
/// its own; the one of each function also goes into Vercel's build output, where
/// CI sees it.
pub fn vercel_json() -> String {
    let functions: Map<String, Value> = FUNCTIONS
        .iter()
        .map(|function| {
            let entry = json!({ "maxDuration": function.max_duration, "regions": [REGION] });
            (function.source.to_owned(), entry)
        })
        .collect();
    let crons = CRONS.map(|(path, schedule)| json!({ "path": path, "schedule": schedule }));
    let headers: Vec<Value> = POLICY
        .iter()
        .map(|(name, value)| {
            json!({ "key": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) })
        })
        .collect();
    let content = json!({
        "$schema": "https://openapi.vercel.sh/vercel.json",
        "framework": null,
        "installCommand": "",
        "buildCommand": "",
        "outputDirectory": "public",
        "regions": [REGION],
        "functions": functions,
        "crons": crons,
        "headers": [{ "source": "/(.*)", "headers": headers }],
        "rewrites": [{ "source": PAGES, "destination": pages::PATH }],
    });
    format!("{content:#}\n")
}
