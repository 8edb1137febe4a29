//! One attempt of a call to the product.

use std::time::Instant;

use bytes::Bytes;
use hyper::header::{self, HeaderName};
use trust::signatures;

use super::{
    overrides::Overrides,
    webhook::{Call, Outcome},
};
use crate::simulator::caller::{self, Limits};

/// Makes one attempt on a connection of its own.
pub(super) async fn make(
    call: &Call,
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
            &call.idempotency_token.to_string(),
        ),
        (HeaderName::from_static("x-home-region"), "us1"),
    ];
    let limits =
        Limits { connect: overrides.connect_timeout, read: overrides.read_timeout, deadline };
    caller::post(&call.url, headers, Bytes::from(call.form.clone()), limits).await
}
