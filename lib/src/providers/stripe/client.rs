//! Asking Stripe.
//!
//! - Errors and what may be asked again: <https://docs.stripe.com/error-low-level>
//! - Versions: <https://docs.stripe.com/api/versioning>

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderName, HeaderValue, Request, StatusCode, header, request::Builder};
use secrecy::ExposeSecret as _;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use super::settings::StripeApi;
use super::{
    API_VERSION,
    id::{CustomerId, SubscriptionId},
    subscription::Subscription,
};
use crate::providers::egress::{Egress, EgressError, Reply};

/// The longest one attempt may take. Two of them and the calls to the database
/// around them fit into what Stripe waits for a webhook's answer.
const DEADLINE: Duration = Duration::from_secs(4);

/// How often something is asked in all. Beyond that it is for whoever asked us
/// to come again.
const ATTEMPTS: u32 = 2;

/// The pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// How many events are listed at once: so few that they fit into what we read of
/// an answer ([`crate::providers::egress`]), however long they are.
const PAGE: &str = "20";

const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
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

/// A page to subscribe on.
#[derive(Debug)]
pub struct Checkout<'a> {
    /// Tells one wish to subscribe from the next.
    pub attempt: Uuid,
    /// The shop that subscribes.
    pub business_id: Uuid,
    /// Who pays.
    pub customer_id: &'a CustomerId,
    /// What is paid.
    pub price_id: &'a str,
    /// How long nothing is to be paid, if at all.
    pub trial_days: u32,
    /// The page's language.
    pub locale: &'a str,
    /// Where the owner comes back to; with `?subscribed` when it is done.
    pub return_url: &'a Url,
}

/// A page of a list.
#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
    has_more: bool,
}

/// A subscription in a list. Whatever its status is called: only those that can never
/// be paid again need not be known by name.
#[derive(Deserialize)]
struct Listed {
    id: SubscriptionId,
    status: String,
}

/// Something that was made.
#[derive(Deserialize)]
struct Created {
    id: String,
}

/// A page of Stripe's.
#[derive(Deserialize)]
struct Page {
    url: String,
}

/// Stripe's API for one account.
pub struct Stripe {
    base: String,
    authorization: HeaderValue,
    egress: Egress,
}

impl<T> List<T> {
    fn empty() -> Self {
        Self { data: Vec::new(), has_more: false }
    }
}

impl Stripe {
    /// Calls the account of `settings` through `egress`. `None` if its key
    /// cannot stand in a header.
    pub fn new(settings: &StripeApi, egress: Egress) -> Option<Self> {
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

    /// All subscriptions of a customer that could still be paid. None of a customer that
    /// Stripe does not have.
    pub async fn live_subscriptions(
        &self,
        customer: &CustomerId,
    ) -> Result<Vec<SubscriptionId>, StripeError> {
        let mut live = Vec::new();
        let mut after: Option<SubscriptionId> = None;
        loop {
            let mut query =
                vec![("customer", customer.as_str()), ("status", "all"), ("limit", PAGE)];
            query.extend(after.iter().map(|after| ("starting_after", after.as_str())));
            let page = self.list("/v1/subscriptions", customer, &query).await?;
            let page: List<Listed> = page.unwrap_or_else(List::empty);
            after = page.data.last().map(|last| last.id.clone());
            let is_over = |status: &str| matches!(status, "canceled" | "incomplete_expired");
            live.extend(
                page.data.into_iter().filter(|one| !is_over(&one.status)).map(|one| one.id),
            );
            if !page.has_more || after.is_none() {
                return Ok(live);
            }
        }
    }

    /// Ends a subscription at once: nothing is billed for the rest of its period, and
    /// nothing is given back. One that has ended, or that Stripe does not have, is none.
    /// <https://docs.stripe.com/api/subscriptions/cancel>
    pub async fn cancel(&self, id: &SubscriptionId) -> Result<(), StripeError> {
        let path = format!("/v1/subscriptions/{}", id.as_str());
        let request = Request::delete(format!("{}{path}", self.base));
        match self.ask(request, Bytes::new()).await {
            Ok(_) | Err(StripeError::Status(StatusCode::NOT_FOUND)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The pages on which a customer could still subscribe. They end by themselves in a
    /// day, so there are few.
    pub async fn open_checkouts(&self, customer: &CustomerId) -> Result<Vec<String>, StripeError> {
        let query = [("customer", customer.as_str()), ("status", "open"), ("limit", "100")];
        let page: Option<List<Created>> =
            self.list("/v1/checkout/sessions", customer, &query).await?;
        Ok(page.into_iter().flat_map(|page| page.data).map(|one| one.id).collect())
    }

    /// Closes a page on which somebody could still subscribe. One on which somebody just
    /// has is closed too.
    pub async fn expire_checkout(&self, id: &str) -> Result<(), StripeError> {
        let path = format!("/v1/checkout/sessions/{id}/expire");
        match self.post::<IgnoredAny>(&path, &format!("expire-{id}"), &[]).await {
            Ok(_) | Err(StripeError::Status(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
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

    /// Makes a customer for a shop. Within a day the same shop gets the same one,
    /// however often it is asked for.
    pub async fn create_customer(
        &self,
        business_id: Uuid,
        name: &str,
        email: Option<&str>,
    ) -> Result<CustomerId, StripeError> {
        let id = business_id.to_string();
        let mut form = vec![("name", name), ("metadata[business_id]", &id)];
        form.extend(email.map(|email| ("email", email)));
        let created: Created = self.post("/v1/customers", &format!("customer-{id}"), &form).await?;
        CustomerId::parse(&created.id).ok_or(StripeError::Malformed)
    }

    /// Opens a page on which to subscribe; returns its address.
    pub async fn open_checkout(&self, checkout: &Checkout<'_>) -> Result<String, StripeError> {
        let business_id = checkout.business_id.to_string();
        let trial_days = checkout.trial_days.to_string();
        let mut success_url = checkout.return_url.clone();
        success_url.set_query(Some("subscribed"));
        let mut form = vec![
            ("mode", "subscription"),
            ("customer", checkout.customer_id.as_str()),
            ("client_reference_id", &business_id),
            ("line_items[0][price]", checkout.price_id),
            ("line_items[0][quantity]", "1"),
            ("locale", checkout.locale),
            ("success_url", success_url.as_str()),
            ("cancel_url", checkout.return_url.as_str()),
            // By this an event's subscription is known to be the shop's.
            ("subscription_data[metadata][business_id]", &business_id),
        ];
        if checkout.trial_days > 0 {
            form.extend([
                ("subscription_data[trial_period_days]", trial_days.as_str()),
                // A trial needs no card; without one it ends in a pause.
                ("payment_method_collection", "if_required"),
                (
                    "subscription_data[trial_settings][end_behavior][missing_payment_method]",
                    "pause",
                ),
            ]);
        }
        let key = format!("checkout-{}", checkout.attempt);
        let page: Page = self.post("/v1/checkout/sessions", &key, &form).await?;
        Ok(page.url)
    }

    /// Opens the billing portal for a customer; returns its address.
    pub async fn open_portal(
        &self,
        attempt: Uuid,
        customer_id: &CustomerId,
        return_url: &Url,
        configuration: Option<&str>,
    ) -> Result<String, StripeError> {
        let mut form =
            vec![("customer", customer_id.as_str()), ("return_url", return_url.as_str())];
        form.extend(configuration.map(|id| ("configuration", id)));
        let key = format!("portal-{attempt}");
        let page: Page = self.post("/v1/billing_portal/sessions", &key, &form).await?;
        Ok(page.url)
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Bytes, StripeError> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let request = Request::get(format!("{}{path}?{query}", self.base));
        self.ask(request, Bytes::new()).await
    }

    /// A page of what a customer has; `None` if there is no such customer.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        customer: &CustomerId,
        query: &[(&str, &str)],
    ) -> Result<Option<List<T>>, StripeError> {
        let refused = match self.get(path, query).await {
            Ok(answer) => {
                return serde_json::from_slice(&answer)
                    .map(Some)
                    .map_err(|_| StripeError::Malformed);
            }
            Err(error) => error,
        };
        // A 400 may have many reasons, and only this one is none to try again.
        let path = format!("/v1/customers/{}", customer.as_str());
        match self.get(&path, &[]).await {
            Err(StripeError::Status(StatusCode::NOT_FOUND)) => Ok(None),
            _ => Err(refused),
        }
    }

    /// Asks for something to be made, by a key under which Stripe makes it once.
    /// <https://docs.stripe.com/api/idempotent_requests>
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        form: &[(&str, &str)],
    ) -> Result<T, StripeError> {
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{}{path}", self.base))
            .header(IDEMPOTENCY_KEY, key)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.ask(request, form.into()).await?;
        serde_json::from_slice(&answer).map_err(|_| StripeError::Malformed)
    }

    /// Asks until there is an answer, but no more than [`ATTEMPTS`] times. Each
    /// request may be repeated: it reads, ends something, or has a key.
    async fn ask(&self, request: Builder, body: Bytes) -> Result<Bytes, StripeError> {
        let request = request
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(VERSION, API_VERSION)
            .body(body)
            .map_err(|_| StripeError::Malformed)?;
        let mut attempt = 1;
        loop {
            let outcome = self.egress.send(request.clone(), DEADLINE).await;
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
        Err(EgressError::Forbidden | EgressError::TooLong) => false,
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
