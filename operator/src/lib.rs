//! What an operator does to a running deployment, through the same calls to the
//! database as the functions make. Every answer is JSON, to be read or piped.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use leadslock::{
    egress::Egress,
    phone::{Phone, SuppressionKey},
    settings::Reader,
    supabase::Supabase,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Show work that is late or given up, texts sent twice, requests refused today
    Status,
    /// List the jobs that were given up, oldest first
    DeadLetters,
    /// Have a job that was given up tried again; a text still passes the gate
    Revive {
        /// Its id, as dead-letters lists it
        job: Uuid,
    },
    /// Export the evidence of consent of one phone number, and the texts it was for
    Consent {
        /// A number of the shop, like +15145550100
        #[arg(value_parser = phone)]
        shop: Phone,
        /// The person's number, like +15145550123
        #[arg(value_parser = phone)]
        phone: Phone,
    },
}

/// Does `task` to the deployment whose settings `reader` has.
pub async fn run(task: &Task, reader: Reader<'_>) -> Result<Value> {
    let supabase = reader.supabase();
    let suppression_key = match task {
        Task::Consent { .. } => reader.suppression_key(),
        _ => None,
    };
    let egress =
        supabase.as_ref().and_then(|supabase| Egress::from_settings(&reader, &[&supabase.url]));
    let supabase = reader.finish((|| Some(Supabase::new(&supabase?, egress?)))())?;

    match task {
        Task::Status => call(&supabase, "service_status", &json!({})).await,
        Task::DeadLetters => {
            pages(&supabase, "list_dead_jobs", json!({}), "jobs", "job_id", "after").await
        }
        Task::Revive { job } => call(&supabase, "revive_job", &json!({ "job_id": job })).await,
        Task::Consent { shop, phone } => {
            let key = suppression_key.context("SUPPRESSION_KEY is not set")?;
            let phone_hmac = SuppressionKey::new(&key).hash(phone);
            let request = json!({ "shop": shop, "phone_hmac": phone_hmac });
            pages(&supabase, "export_consent", request, "texts", "id", "texts_after").await
        }
    }
}

async fn call(supabase: &Supabase, function: &str, request: &Value) -> Result<Value> {
    let answer = supabase.call(function, request).await;
    answer.with_context(|| format!("{function} failed"))
}

/// Calls until a page of `list` is empty, each time after the last row's `id`,
/// and returns the first answer with all rows in it.
async fn pages(
    supabase: &Supabase,
    function: &str,
    mut request: Value,
    list: &str,
    id: &str,
    after: &str,
) -> Result<Value> {
    let rows =
        |answer: &Value| answer.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut whole = call(supabase, function, &request).await?;
    let mut all = rows(&whole);
    let mut page = all.clone();
    while let Some(last) = page.last().and_then(|row| row.get(id)) {
        if let Some(request) = request.as_object_mut() {
            request.insert(after.to_owned(), last.clone());
        }
        page = rows(&call(supabase, function, &request).await?);
        all.extend_from_slice(&page);
    }
    if let Some(whole) = whole.as_object_mut() {
        whole.insert(list.to_owned(), all.into());
    }
    Ok(whole)
}

fn phone(text: &str) -> Result<Phone, &'static str> {
    Phone::parse(text).ok_or("a phone number is + and up to 15 digits, like +15145550123")
}
