//! The calls the functions make to the database, made by a test.

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{LEAD, SHOP, TestStack};

/// A byte, in hex, of which the hash of the lead's number is made in these tests.
const HMAC: &str = "ab";

/// Calls a function in the database as the product's functions do.
pub(crate) async fn call(database: &Client, function: &str, request: Value) -> Value {
    let sql = format!("select public.{function}($1)");
    database.query_one(&sql, &[&request]).await.unwrap().get(0)
}

/// The calls of one test.
pub(crate) struct Calls<'a>(pub(crate) &'a TestStack);

impl Calls<'_> {
    pub(crate) async fn call(&self, function: &str, request: Value) -> Value {
        call(&self.0.database, function, request).await
    }

    /// A text from the lead, the `number`th of the test.
    pub(crate) async fn receive(&self, number: u32, meaning: &str, body: &str) -> Value {
        self.receive_at(SHOP, number, meaning, body).await
    }

    pub(crate) async fn receive_at(
        &self,
        shop: &str,
        number: u32,
        meaning: &str,
        body: &str,
    ) -> Value {
        self.receive_with(number, json!({ "to": shop, "meaning": meaning, "body": body })).await
    }

    /// A text with some of its arguments changed.
    pub(crate) async fn receive_with(&self, number: u32, changes: Value) -> Value {
        let mut request = json!({
            "message_sid": sid(number), "from": LEAD, "phone_hmac": HMAC.repeat(32), "to": SHOP,
            "body": "hello", "media_count": 0, "masked_count": 0, "meaning": "text",
            "language": "en", "rule": "sent a keyword", "is_in_words": false,
            "is_answered_by_twilio": true, "may_join": false,
        });
        request.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.call("receive_sms", request).await
    }

    /// Answers a reply job, and returns the outcome.
    pub(crate) async fn answer(&self, job: &Value) -> Value {
        let request = json!({
            "job_id": job["job_id"], "fencing_token": job["fencing_token"], "body": "an answer",
        });
        self.call("queue_outbound", request).await
    }

    pub(crate) async fn settle(&self, send: &Value, result: Value) -> Value {
        let mut request =
            json!({ "job_id": send["job_id"], "fencing_token": send["fencing_token"] });
        request.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
        self.call("settle_send", request).await["outcome"].clone()
    }

    pub(crate) async fn status(
        &self,
        message: &Value,
        number: u32,
        status: &str,
        code: Option<u32>,
    ) -> Value {
        let request = json!({
            "message_id": message, "twilio_sid": outbound_sid(number), "status": status, "error_code": code,
        });
        self.call("apply_status", request).await["outcome"].clone()
    }

    pub(crate) async fn claim(&self) -> Vec<Value> {
        self.call("claim_jobs", json!({ "limit": 100 })).await["work"].as_array().unwrap().clone()
    }

    pub(crate) async fn wait(&self, seconds: u64) {
        let by = std::time::Duration::from_secs(seconds);
        stack::clock::advance(&self.0.database, by).await.unwrap();
    }

    /// A text that was answered: the send job, claimed.
    pub(crate) async fn queued(&self, number: u32) -> Value {
        let received = self.receive(number, "text", "hello").await;
        self.answer(&received["work"][0]).await["send"].clone()
    }
}

pub(crate) fn sid(number: u32) -> String {
    format!("SM{number:032x}")
}

/// No text in has the SID of a text out.
pub(crate) fn outbound_sid(number: u32) -> String {
    format!("MM{number:032x}")
}
