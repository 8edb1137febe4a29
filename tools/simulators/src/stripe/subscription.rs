//! Subscriptions, as they stand; [`super::life`] moves them on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{extend, price::Price, version::Version};

/// How long before its end a trial's end is announced.
const TRIAL_NOTICE: i64 = 3 * 86_400;

/// How long a first payment may take.
const FIRST_PAYMENT_TIME: i64 = 23 * 3600;

/// A subscription to one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// `si_…`, the id of its only item.
    pub item: String,
    /// Whose it is.
    pub customer: String,
    /// What is subscribed to.
    pub price: Price,
    /// How many of it.
    pub quantity: u32,
    /// Where it stands.
    pub status: Status,
    /// When it was created.
    pub created: i64,
    /// What periods are counted from.
    pub anchor: i64,
    /// How many periods are over since then.
    pub periods: u32,
    /// The period under way.
    pub period: (i64, i64),
    /// The trial, if there is or was one.
    pub trial: Option<(i64, i64)>,
    /// Whether the end of the trial was announced.
    pub is_trial_end_announced: bool,
    /// What happens when a trial ends and there is no card.
    pub without_card: WithoutCard,
    /// Whether it ends with the period under way.
    pub cancel_at_period_end: bool,
    /// When it was cancelled, which may be before it ends.
    pub canceled_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// Why it was cancelled.
    pub cancellation: Option<Reason>,
    /// Whether invoices are not collected for the time being.
    pub pause: Option<Pause>,
    /// The card that is charged, before the customer's own.
    pub card: Option<String>,
    /// The latest invoice.
    pub latest_invoice: Option<String>,
    /// The account's own data.
    pub metadata: BTreeMap<String, String>,
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is still to come.
    Incomplete,
    /// The first payment never came.
    IncompleteExpired,
    /// Nothing is to be paid yet.
    Trialing,
    /// All is paid.
    Active,
    /// A payment failed, and is tried again.
    PastDue,
    /// A payment failed for good.
    Unpaid,
    /// A trial ended without a card.
    Paused,
    /// It is over.
    Canceled,
}

impl Status {
    /// Stripe's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
        }
    }

    /// All of them, with their words.
    pub(super) const CHOICES: [(&'static str, Self); 8] = [
        ("incomplete", Self::Incomplete),
        ("incomplete_expired", Self::IncompleteExpired),
        ("trialing", Self::Trialing),
        ("active", Self::Active),
        ("past_due", Self::PastDue),
        ("unpaid", Self::Unpaid),
        ("paused", Self::Paused),
        ("canceled", Self::Canceled),
    ];

    /// Whether nothing can change any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

/// What happens when a trial ends and there is no card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutCard {
    /// There is an invoice, which nobody pays.
    CreateInvoice,
    /// The subscription is cancelled.
    Cancel,
    /// The subscription is paused.
    Pause,
}

impl WithoutCard {
    /// All of them, with Stripe's words.
    pub(super) const CHOICES: [(&'static str, Self); 3] =
        [("create_invoice", Self::CreateInvoice), ("cancel", Self::Cancel), ("pause", Self::Pause)];

    fn as_str(self) -> &'static str {
        match self {
            Self::CreateInvoice => "create_invoice",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
        }
    }
}

/// Why a subscription was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Somebody asked for it.
    Requested,
    /// It was not paid.
    PaymentFailed,
}

/// Invoices that are not collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// What is done with them instead.
    pub behavior: PauseBehavior,
    /// When that is over.
    pub resumes_at: Option<i64>,
}

/// What is done with invoices that are not collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseBehavior {
    /// They stay drafts.
    KeepAsDraft,
    /// They are written off.
    MarkUncollectible,
    /// They are void.
    Void,
}

impl PauseBehavior {
    /// All of them, with Stripe's words.
    pub(super) const CHOICES: [(&'static str, Self); 3] = [
        ("keep_as_draft", Self::KeepAsDraft),
        ("mark_uncollectible", Self::MarkUncollectible),
        ("void", Self::Void),
    ];
}

/// What time brings to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The first payment did not come.
    Expires,
    /// The trial is about to end.
    TrialIsToEnd,
    /// The trial ends.
    TrialEnds,
    /// Invoices are collected again.
    Resumes,
    /// A period ends.
    PeriodEnds,
}

impl Subscription {
    /// What one period costs.
    pub(super) fn amount(&self) -> i64 {
        i64::from(self.price.unit_amount) * i64::from(self.quantity)
    }

    /// Has it end with its period, or go on after all.
    pub(super) fn set_cancel_at_period_end(&mut self, ends: bool, now: i64) {
        if self.cancel_at_period_end != ends {
            self.cancel_at_period_end = ends;
            self.canceled_at = ends.then_some(now);
            self.cancellation = ends.then_some(Reason::Requested);
        }
    }

    /// What is due next, and when.
    pub(super) fn due(&self) -> Option<(i64, Change)> {
        let (_, period_end) = self.period;
        let next = match (self.status, self.trial) {
            (Status::Incomplete, _) => Some((self.created + FIRST_PAYMENT_TIME, Change::Expires)),
            (Status::Trialing, Some((start, end))) if !self.is_trial_end_announced => {
                Some(((end - TRIAL_NOTICE).max(start), Change::TrialIsToEnd))
            }
            (Status::Trialing, _) => Some((period_end, Change::TrialEnds)),
            (Status::Active | Status::PastDue | Status::Unpaid, _) => {
                Some((period_end, Change::PeriodEnds))
            }
            (Status::Paused | Status::Canceled | Status::IncompleteExpired, _) => None,
        }?;
        let resumes_at = self.pause.and_then(|pause| pause.resumes_at);
        Some(match resumes_at {
            Some(at) if at < next.0 => (at, Change::Resumes),
            _ => next,
        })
    }

    /// The API's object.
    pub(super) fn resource(&self, version: &Version, livemode: bool) -> Value {
        let (start, end) = self.period;
        let period = json!({ "current_period_start": start, "current_period_end": end });
        let mut item = json!({
            "id": self.item,
            "object": "subscription_item",
            "billing_thresholds": null,
            "created": self.created,
            "discounts": [],
            "metadata": {},
            "plan": self.price.plan_resource(livemode),
            "price": self.price.resource(livemode),
            "quantity": self.quantity,
            "subscription": self.id,
            "tax_rates": [],
        });
        if version.is_basil() {
            extend(&mut item, period.clone());
        }
        let mut subscription = json!({
            "id": self.id,
            "object": "subscription",
            "application": null,
            "application_fee_percent": null,
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
            "billing_cycle_anchor": self.anchor,
            "billing_thresholds": null,
            "cancel_at": self.cancel_at_period_end.then_some(end),
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": {
                "comment": null,
                "feedback": null,
                "reason": self.cancellation.map(|reason| match reason {
                    Reason::Requested => "cancellation_requested",
                    Reason::PaymentFailed => "payment_failed",
                }),
            },
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.price.currency,
            "customer": self.customer,
            "days_until_due": null,
            "default_payment_method": self.card,
            "default_source": null,
            "default_tax_rates": [],
            "description": null,
            "ended_at": self.ended_at,
            "items": {
                "object": "list",
                "data": [item],
                "has_more": false,
                "total_count": 1,
                "url": format!("/v1/subscription_items?subscription={}", self.id),
            },
            "latest_invoice": self.latest_invoice,
            "livemode": livemode,
            "metadata": self.metadata,
        });
        extend(
            &mut subscription,
            json!({
                "next_pending_invoice_item_invoice": null,
                "on_behalf_of": null,
                "pause_collection": self.pause.map(|pause| json!({
                    "behavior": pause.behavior,
                    "resumes_at": pause.resumes_at,
                })),
                "payment_settings": {
                    "payment_method_options": null,
                    "payment_method_types": null,
                    "save_default_payment_method": "off",
                },
                "pending_invoice_item_interval": null,
                "pending_setup_intent": null,
                "pending_update": null,
                "plan": self.price.plan_resource(livemode),
                "quantity": self.quantity,
                "schedule": null,
                "start_date": self.created,
                "status": self.status,
                "test_clock": null,
                "transfer_data": null,
                "trial_end": self.trial.map(|(_, end)| end),
                "trial_settings": {
                    "end_behavior": { "missing_payment_method": self.without_card.as_str() },
                },
                "trial_start": self.trial.map(|(start, _)| start),
            }),
        );
        if version.is_basil() {
            extend(&mut subscription, json!({ "billing_mode": { "type": "classic" } }));
        } else {
            extend(&mut subscription, period);
            extend(&mut subscription, json!({ "discount": null }));
        }
        subscription
    }
}
