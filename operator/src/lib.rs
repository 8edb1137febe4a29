//! What an operator does to a running deployment, through the same calls to the
//! database as the functions make. Every answer is JSON, to be read or piped.

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use leadslock::{
    closure::{certificate, proof::Prover},
    egress::Egress,
    export::{bundle::hex, verify::verify},
    phone::{Phone, SuppressionKey},
    settings::Reader,
    supabase::Supabase,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Show work that is late or given up, exports close to due, accounts being closed,
    /// texts sent twice, requests refused today
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
    /// Record that an owner asked for an export by other means, say e-mail. It is due
    /// from now on, and begins when the owner, signed in, asks for the same
    Export {
        /// The shop's id
        business: Uuid,
        /// How its tables are to be written
        #[arg(long, default_value = "csv", value_parser = ["csv", "json"])]
        format: String,
    },
    /// Check an exported bundle against its manifest
    VerifyBundle {
        /// The file
        file: PathBuf,
    },
    /// Check that the certificate of a deletion is whole and was made by this deployment
    VerifyCertificate {
        /// The file: what the owner's link shows as certificate
        file: PathBuf,
    },
}

/// Does `task` to the deployment whose settings `reader` has.
pub async fn run(task: &Task, reader: Reader<'_>) -> Result<Value> {
    if let Task::VerifyBundle { file } = task {
        return verify_bundle(file);
    }
    if let Task::VerifyCertificate { file } = task {
        let key = reader.suppression_key();
        return verify_certificate(file, &reader.finish(key)?);
    }
    let supabase = reader.supabase();
    let suppression_key = match task {
        Task::Consent { .. } => reader.suppression_key(),
        _ => None,
    };
    let egress =
        supabase.as_ref().and_then(|supabase| Egress::from_settings(&reader, &[&supabase.url]));
    let supabase = reader.finish((|| Some(Supabase::new(&supabase?, egress?)))())?;

    match task {
        Task::Status => {
            let mut status = call(&supabase, "service_status", &json!({})).await?;
            for part in ["export_status", "closure_status"] {
                let part = call(&supabase, part, &json!({})).await?;
                if let (Some(status), Value::Object(part)) = (status.as_object_mut(), part) {
                    status.extend(part);
                }
            }
            Ok(status)
        }
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
        Task::Export { business, format } => {
            let request = json!({ "business_id": business, "format": format });
            call(&supabase, "record_export_request", &request).await
        }
        // Done above: they ask nobody.
        Task::VerifyBundle { .. } | Task::VerifyCertificate { .. } => Ok(Value::Null),
    }
}

/// What the certificate in `file` says; an error if it is not what was issued.
fn verify_certificate(file: &Path, key: &SecretString) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Value::Object(certificate::verify(&text, &Prover::new(key))?))
}

/// What the bundle in `file` holds; an error if it is not what its manifest says.
fn verify_bundle(file: &Path) -> Result<Value> {
    let cannot_read = || format!("{} cannot be read", file.display());
    let mut bundle = File::open(file).with_context(cannot_read)?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = bundle.read(&mut buffer).with_context(cannot_read)?;
        let Some(read @ [_, ..]) = buffer.get(..length) else { break };
        sha256.update(read);
    }
    bundle.rewind().with_context(cannot_read)?;
    let report = verify(io::BufReader::new(bundle))?;
    if !report.faults.is_empty() {
        bail!("the bundle is not what its manifest says: {}", report.faults.join("; "));
    }
    Ok(json!({ "sha256": hex(&sha256.finalize()), "manifest": report.manifest }))
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
