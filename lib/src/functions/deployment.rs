//! What Vercel is told: regions, durations, crons, static headers.
//!
//! `vercel.json` is made from this and committed; a test fails when they differ.

use serde_json::{Map, Value, json};

use super::table::FUNCTIONS;
use crate::{edge::headers::POLICY, paths};

/// Montréal, where the database is. What people write does leave Canada to be processed by
/// Groq and Twilio.
/// <https://vercel.com/docs/regions>
pub const REGION: &str = "yul1";

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
            (function.source(), entry)
        })
        .collect();
    let crons: Vec<Value> = FUNCTIONS
        .iter()
        .filter_map(|function| function.schedule.map(|schedule| (function.path, schedule)))
        .map(|(path, schedule)| json!({ "path": path, "schedule": schedule }))
        .collect();
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
        "rewrites": [{ "source": PAGES, "destination": paths::PAGE }],
    });
    format!("{content:#}\n")
}
