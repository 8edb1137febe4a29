//! Repairs what events did not tell us.
//!
//! Stripe sends an event again for three days, and lists it for 30. So once a
//! day its list is compared with our log, and what is missing is applied as if
//! it had arrived. A subscription about which no event came when one should have
//! is asked about, whatever the list says. Each page of the list is behind us once it
//! is done: a run that is cut off costs no more than its page.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    client::{self, StripeError},
    event::{Event, Page},
    id::SubscriptionId,
    mirror::{Mirror, MirrorError, Outcome},
};

/// How many subscriptions are asked about at once: far from Stripe's limit.
/// <https://docs.stripe.com/rate-limits>
const AT_ONCE: usize = 16;

/// Compares what we know with what Stripe has.
#[derive(Debug)]
pub struct Reconciler {
    mirror: Mirror,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many events were missing in the log.
    pub missed: usize,
    /// How many subscriptions were asked about without an event.
    pub refreshed: usize,
    /// How many of either are as they were, because Stripe's answer was of no use.
    pub failed: usize,
}

/// What functions without arguments are told.
#[derive(Serialize)]
struct Nothing {}

/// What `rpc/resume_stripe_listing` answers.
#[derive(Deserialize)]
struct Listing {
    is_new: bool,
    since: i64,
    until: i64,
    after: Option<String>,
}

/// What `rpc/advance_stripe_listing` is told.
#[derive(Serialize)]
struct Advance<'a> {
    until: i64,
    after: Option<&'a str>,
    next: Option<&'a str>,
    is_complete: bool,
}

#[derive(Deserialize)]
struct Advanced {
    outcome: String,
}

/// What `rpc/stale_subscriptions` is told.
#[derive(Serialize)]
struct StaleAfter<'a> {
    after: Option<&'a SubscriptionId>,
}

/// A subscription that Stripe should be asked about.
#[derive(Deserialize)]
struct Stale {
    id: SubscriptionId,
    version: i64,
}

impl Reconciler {
    /// Compares by what `mirror` asks and stores.
    pub fn new(mirror: Mirror) -> Self {
        Self { mirror }
    }

    /// Compares the list with the log, then asks about what should have changed, until all
    /// is through or `end` has come.
    pub async fn run(&self, end: Instant) -> Result<Report, MirrorError> {
        let mut report = Report::default();
        self.compare(end, &mut report).await?;
        self.refresh(end, &mut report).await?;
        tracing::info!(?report, "compared what we know with what stripe has");
        Ok(report)
    }

    /// Compares the list with the log until it is through, or time is up.
    async fn compare(&self, end: Instant, report: &mut Report) -> Result<(), MirrorError> {
        let mut is_ours = false;
        while Instant::now() < end {
            let listing: Listing =
                self.mirror.supabase().call("resume_stripe_listing", &Nothing {}).await?;
            // One that an earlier run began leaves out what happened since.
            is_ours |= listing.is_new;
            let is_complete = self.compare_page(&listing, report).await?;
            if is_complete && is_ours {
                break;
            }
        }
        Ok(())
    }

    /// Applies what is missing of one page. True if it was the last.
    async fn compare_page(
        &self,
        listing: &Listing,
        report: &mut Report,
    ) -> Result<bool, MirrorError> {
        let after = listing.after.as_deref();
        let part = client::Listing { since: listing.since, until: listing.until, after };
        let page = match self.mirror.stripe().events(part).await {
            // Stripe keeps no event for ever: the listing begins anew.
            Err(StripeError::Status(StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND))
                if after.is_some() =>
            {
                self.advance(listing, None, false).await?;
                return Ok(false);
            }
            page => page?,
        };
        let page = Page::parse(&page).map_err(|_| StripeError::Malformed)?;
        let has_more = page.has_more;
        let events = page.events().map_err(|_| StripeError::Malformed)?;
        let next = events.last().map(|event| event.id.as_str().to_owned());

        // Events of one subscription would only be in each other's way.
        let mut by_subscription = BTreeMap::<_, Vec<_>>::new();
        for event in events {
            by_subscription.entry(event.subscription_id.clone()).or_default().push(event);
        }
        let applied = by_subscription.into_values().map(|events| self.apply(events));
        for part in try_join_all(applied).await? {
            report.missed += part.missed;
            report.failed += part.failed;
        }
        let is_complete = !has_more || next.is_none();
        self.advance(listing, next.as_deref(), is_complete).await?;
        Ok(is_complete)
    }

    /// Applies events in the order they happened.
    async fn apply(&self, events: Vec<Event<'_>>) -> Result<Report, MirrorError> {
        let mut report = Report::default();
        for event in events.iter().rev() {
            match self.mirror.apply(event).await {
                Ok(Outcome::Duplicate) => {}
                Ok(outcome) => {
                    tracing::warn!(
                        event.id = event.id.as_str(),
                        ?outcome,
                        "an event had not arrived"
                    );
                    report.missed += 1;
                }
                Err(error) if is_lasting(&error) => {
                    tracing::error!(event.id = event.id.as_str(), %error, "an event is left out");
                    report.failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    async fn advance(
        &self,
        listing: &Listing,
        next: Option<&str>,
        is_complete: bool,
    ) -> Result<(), MirrorError> {
        let after = listing.after.as_deref();
        let request = Advance { until: listing.until, after, next, is_complete };
        let advanced: Advanced =
            self.mirror.supabase().call("advance_stripe_listing", &request).await?;
        tracing::info!(outcome = advanced.outcome, is_complete, "compared a page of events");
        Ok(())
    }

    /// Asks about each subscription that should have changed by now.
    async fn refresh(&self, end: Instant, report: &mut Report) -> Result<(), MirrorError> {
        let mut after = None;
        while Instant::now() < end {
            let request = StaleAfter { after: after.as_ref() };
            let stale: Vec<Stale> =
                self.mirror.supabase().call("stale_subscriptions", &request).await?;
            let Some(last) = stale.last() else { break };
            after = Some(last.id.clone());
            for some in stale.chunks(AT_ONCE) {
                let asked = some.iter().map(|stale| self.mirror.refresh(&stale.id, stale.version));
                for (stale, outcome) in some.iter().zip(join_all(asked).await) {
                    match outcome {
                        Ok(_) => report.refreshed += 1,
                        Err(error) if is_lasting(&error) => {
                            tracing::error!(subscription.id = stale.id.as_str(), %error, "a subscription is left as it is");
                            report.failed += 1;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether the same would happen again tomorrow: one subscription that Stripe
/// does not have, or describes in words new to us, must not keep all others back.
fn is_lasting(error: &MirrorError) -> bool {
    matches!(
        error,
        MirrorError::Stripe(StripeError::Malformed | StripeError::Status(StatusCode::NOT_FOUND))
    )
}
