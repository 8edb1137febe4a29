//! Vercel's own program judges what we deploy, and our edge.
//!
//! Run only where it is named: the program is large, and compiles everything twice more.
//! `.ci/run build` and `.ci/run smoke` ask.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail")]

mod build;
mod smoke;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use local::vercel::Vercel;
use stack::progress::Progress;

/// A secret of the scheduler, for tests.
const CRON_SECRET: &str = "a-secret-for-crons";
/// The token that signs Twilio's requests, for tests.
const AUTH_TOKEN: &str = "00000000000000000000000000000000";
/// Where the public finds the product. Nobody does, but it is what Twilio signs.
const ORIGIN: &str = "https://leadslock.example";

/// Vercel's program, with everything it makes kept below `target/`.
async fn vercel() -> Vercel {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vercel");
    Vercel::prepare(folder, Progress::shown()).await.unwrap()
}

/// What the functions need to start. Nothing listens where they look for the database.
fn variables() -> BTreeMap<String, String> {
    [
        ("VERCEL_ENV", "development"),
        ("PUBLIC_BASE_URL", ORIGIN),
        ("SUPABASE_URL", "http://127.0.0.1:9"),
        ("SUPABASE_SECRET_KEY", "sb_secret_fake"),
        ("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_fake"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000000"),
        ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000000"),
        ("TWILIO_API_KEY_SECRET", "fake"),
        ("GROQ_API_KEY", "gsk_fake"),
        ("STRIPE_SECRET_KEY", "sk_test_fake"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_fake"),
        ("STRIPE_PRICES", "month=price_fake"),
        ("GROQ_MODELS", "fake"),
        ("CRON_SECRET", CRON_SECRET),
        ("SUPPRESSION_KEY", "00000000000000000000000000000000"),
        ("CSRF_KEY", "00000000000000000000000000000000"),
        ("SUPPORT_EMAIL", "support@leadslock.example"),
        ("SECURITY_EMAIL", "security@leadslock.example"),
        ("BACKUP_KEYS", "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Every file below `folder`, relative to it, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in next.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
