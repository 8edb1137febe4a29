//! A call to the product, and one attempt of it.

use std::time::Instant;

use bytes::Bytes;
use form_urlencoded::Serializer;
use hyper::header::{self, HeaderName};
use serde::Serialize;
use trust::signatures;
use url::Url;
use uuid::Uuid;

use super::{message::Status, overrides::Overrides};
use crate::caller::{self, Limits, Outcome};

/// What a call to the product is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A phone texted a number of the account.
    Inbound,
    /// A text changed its status.
    Status(Status),
}

/// A call to be made.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// What it is about.
    pub event: Event,
    /// The message it is about.
    pub message_sid: String,
    /// The URL as configured. Its fragment is neither sent nor signed.
    pub url: Url,
    /// The form, as it is on the wire.
    pub form: String,
    /// The token that stays the same when a call is repeated.
    pub idempotency_token: Uuid,
}

impl Call {
    /// A call that was not made before.
    pub(super) fn new(event: Event, message_sid: &str, url: Url, fields: &Fields) -> Self {
        Self {
            event,
            message_sid: message_sid.to_owned(),
            url,
            form: Serializer::new(String::new()).extend_pairs(&fields.0).finish(),
            idempotency_token: Uuid::new_v4(),
        }
    }

    /// Makes one attempt on a connection of its own.
    pub(super) async fn attempt(
        &self,
        signature: &str,
        overrides: &Overrides,
        deadline: Instant,
    ) -> Outcome {
        let headers = [
            (header::USER_AGENT, "TwilioProxy/1.1"),
            (header::ACCEPT, "*/*"),
            (header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8"),
            (HeaderName::from_static(signatures::twilio::HEADER), signature),
            (
                HeaderName::from_static("i-twilio-idempotency-token"),
                &self.idempotency_token.to_string(),
            ),
            (HeaderName::from_static("x-home-region"), "us1"),
        ];
        let limits =
            Limits { connect: overrides.connect_timeout, read: overrides.read_timeout, deadline };
        caller::post(&self.url, headers, Bytes::from(self.form.clone()), limits).await
    }
}

/// The fields of a form, in the order they are sent.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a field at the end.
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }
}
