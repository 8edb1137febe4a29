//! A stop against an answer on its way: every order, and many at once.
//!
//! The calls are the real ones, on the real database. [`history`] judges what they did.

mod at_once;
mod one_by_one;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{
    SHOP,
    calls::call,
    history::{Meaning, Text},
};

/// A lead of these tests, as its number and the SIDs of its texts name it.
#[derive(Debug, Clone, Copy)]
struct Lead(u32);

impl Lead {
    /// The SID of the lead's text `number`.
    fn sid(self, number: u32) -> String {
        format!("SM{:024x}{number:08x}", self.0)
    }

    /// A text, as `receive_sms` is told of it.
    fn text(self, number: u32, text: Text) -> Value {
        let meaning = match text.meaning {
            Meaning::Stop => "stop",
            Meaning::Start => "start",
            Meaning::Yes => "yes",
            Meaning::Help => "help",
            Meaning::Text => "text",
        };
        json!({
            "message_sid": self.sid(number), "from": format!("+1{:010}", 5_140_000_000 + u64::from(self.0)),
            "phone_hmac": format!("{:064x}", self.0), "to": SHOP, "body": meaning, "media_count": 0,
            "masked_count": 0, "meaning": meaning, "rule": "sent a keyword", "is_in_words": false,
            "is_answered_by_twilio": text.is_answered_by_twilio, "language": "en", "may_join": false,
        })
    }
}

/// The SID Twilio gives to a text of ours. No text in has one like it.
fn twilios_sid(message_id: &str) -> String {
    format!("MM{}", message_id.replace('-', ""))
}

/// What the assistant answers to a job.
fn answer(job: &Value) -> Value {
    json!({
        "job_id": job["job_id"], "fencing_token": job["fencing_token"], "body": "an answer",
    })
}

/// What became of an attempt to send `job`.
fn result(job: &Value, result: &str) -> Value {
    let mut request = json!({
        "job_id": job["job_id"], "fencing_token": job["fencing_token"], "result": result,
    });
    if result == "accepted" {
        request["twilio_sid"] = twilios_sid(message_id(job)).into();
        request["status"] = "queued".into();
    }
    if result == "rejected" {
        request["error_code"] = 30007.into();
    }
    request
}

fn status(message_id: &str, status: &str) -> Value {
    json!({
        "message_id": message_id, "twilio_sid": twilios_sid(message_id), "status": status,
        "error_code": null, "policy": null,
    })
}

fn id(job: &Value) -> &str {
    job["job_id"].as_str().unwrap()
}

fn message_id(job: &Value) -> &str {
    job["message_id"].as_str().unwrap()
}

/// The texts in an answer of the database's that its caller may send.
fn to_send(answer: &Value) -> Vec<Value> {
    let queued = (answer["outcome"] == "queued").then(|| answer["send"].clone());
    let work = answer["work"].as_array().into_iter().flatten();
    work.filter(|job| job["kind"] == "send").cloned().chain(queued).collect()
}

/// Nothing here depends on what a crash would lose.
async fn make_fast(database: &Client) {
    database.batch_execute("set synchronous_commit = off").await.unwrap();
}

/// Lets every lease run out.
async fn pass_a_lease(database: &Client) {
    stack::clock::advance(database, std::time::Duration::from_secs(61)).await.unwrap();
}

async fn claim(database: &Client) -> Value {
    call(database, "claim_jobs", json!({ "limit": 1000 })).await
}
