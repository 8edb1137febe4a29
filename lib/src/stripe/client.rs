//! Asking Stripe.
//!
//! - Errors and what may be asked again: <https://docs.stripe.com/error-low-level>
//! - Versions: <https://docs.stripe.com/api/versioning>

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::{API_VERSION, id::SubscriptionId, subscription::Subscription};
use crate::{
    egress::{Egress, EgressError, Reply},
    settings,
};

/// The longest one attempt may take. Two of them and the calls to the database
/// around them fit into what Stripe waits for a webhook's answer.
const DEADLINE: Duration = Duration::from_secs(4);

/// How often something is asked in all. Beyond that it is for whoever asked us
/// to come again.
const ATTEMPTS: u32 = 2;

/// The pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// How many events are listed at once: so few that they fit into what we read of
/// an answer ([`crate::egress`]), however long they are.
const PAGE: &str = "20";

const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");

/// Why Stripe gave no answer that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StripeError {
    /// No answer came in time.
    #[error("stripe did not answer: {0}")]
    Egress(#[from] EgressError),
    /// An answer other than success. Its text is left out: it may quote data.
    #[error("stripe answered {0}")]
    Status(StatusCode),
    /// The answer is not one we understand.
    #[error("stripe answered in an unexpected form")]
    Malformed,
}

/// Which part of the list of events to read.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// Created at this second or later.
    pub since: i64,
    /// Created before this second.
    pub until: i64,
    /// Listed after this event, that is, older.
    pub after: Option<&'a str>,
}

/// Stripe's API for one account.
pub struct Stripe {
    base: String,
    authorization: HeaderValue,
    egress: Egress,
}

impl Stripe {
    /// Calls the account of `settings` through `egress`. `None` if its key
    /// cannot stand in a header.
    pub fn new(settings: &settings::StripeApi, egress: Egress) -> Option<Self> {
        let bearer = format!("Bearer {}", settings.secret_key.expose_secret());
        let mut authorization = HeaderValue::try_from(bearer).ok()?;
        authorization.set_sensitive(true);
        let base = settings.url.as_str().trim_end_matches('/').to_owned();
        Some(Self { base, authorization, egress })
    }

    /// A subscription as it is now, with its latest invoice.
    pub async fn subscription(&self, id: &SubscriptionId) -> Result<Subscription, StripeError> {
        let path = format!("/v1/subscriptions/{}", id.as_str());
        let answer = self.get(&path, &[("expand[]", "latest_invoice")]).await?;
        Subscription::parse(&answer).filter(|found| found.id == *id).ok_or(StripeError::Malformed)
    }

    /// A page of the events about subscriptions, to be read by
    /// [`super::event::Page`]. Every change of a subscription is one of them.
    pub async fn events(&self, listing: Listing<'_>) -> Result<Bytes, StripeError> {
        let (since, until) = (listing.since.to_string(), listing.until.to_string());
        let mut query = vec![
            ("type", "customer.subscription.*"),
            ("created[gte]", &since),
            ("created[lt]", &until),
            ("limit", PAGE),
        ];
        query.extend(listing.after.map(|after| ("starting_after", after)));
        self.get("/v1/events", &query).await
    }

    /// Asks until there is an answer, but no more than [`ATTEMPTS`] times.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, StripeError> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}{path}?{query}", self.base);
        let mut attempt = 1;
        loop {
            let request = Request::get(&url)
                .header(header::AUTHORIZATION, self.authorization.clone())
                .header(VERSION, API_VERSION)
                .body(Bytes::new())
                .map_err(|_| StripeError::Malformed)?;
            let outcome = self.egress.send(request, DEADLINE).await;
            if attempt == ATTEMPTS || !may_repeat(&outcome) {
                let reply = outcome?;
                let is_success = reply.status.is_success();
                return if is_success {
                    Ok(reply.body)
                } else {
                    Err(StripeError::Status(reply.status))
                };
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl std::fmt::Debug for Stripe {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stripe")
    }
}

/// Whether another attempt may do better. Stripe says so itself where it knows.
fn may_repeat(outcome: &Result<Reply, EgressError>) -> bool {
    match outcome {
        Err(EgressError::Forbidden) => false,
        Err(EgressError::NotSent | EgressError::Unanswered) => true,
        Ok(reply) => match reply.headers.get(SHOULD_RETRY).map(HeaderValue::as_bytes) {
            Some(b"true") => true,
            Some(b"false") => false,
            _ => matches!(reply.status.as_u16(), 409 | 429 | 500..),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn reply(status: u16, should_retry: Option<&'static str>) -> Result<Reply, EgressError> {
        let status = StatusCode::from_u16(status).unwrap();
        let header = should_retry.map(|value| (SHOULD_RETRY, HeaderValue::from_static(value)));
        let headers: HeaderMap = header.into_iter().collect();
        Ok(Reply { status, headers, body: Bytes::new() })
    }

    #[test]
    fn only_what_may_do_better_is_asked_again() {
        for (outcome, want) in [
            (reply(200, None), false),
            (reply(400, None), false),
            (reply(401, None), false),
            (reply(404, None), false),
            (reply(409, None), true),
            (reply(429, None), true),
            (reply(500, None), true),
            (reply(503, None), true),
            (reply(400, Some("true")), true),
            (reply(409, Some("false")), false),
            (reply(500, Some("false")), false),
            (reply(404, Some("maybe")), false),
            (Err(EgressError::NotSent), true),
            (Err(EgressError::Unanswered), true),
            (Err(EgressError::Forbidden), false),
        ] {
            assert_eq!(may_repeat(&outcome), want, "{outcome:?}");
        }
    }
}
