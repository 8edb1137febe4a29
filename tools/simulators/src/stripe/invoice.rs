//! Invoices, as they stand; [`super::life`] moves them on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{extend, price::Price, version::Version};

/// An invoice of a subscription, with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// The number for people, once it is final.
    pub number: Option<String>,
    /// Who pays it.
    pub customer: String,
    /// What it is for.
    pub subscription: String,
    /// The subscription's own data, as they were.
    pub metadata: BTreeMap<String, String>,
    /// The subscription's item.
    pub item: String,
    /// The price of its line.
    pub price: Price,
    /// How many of it.
    pub quantity: u32,
    /// The whole amount.
    pub amount: i64,
    /// Why there is it.
    pub reason: BillingReason,
    /// Where it stands.
    pub status: Status,
    /// When it was created.
    pub created: i64,
    /// The period it is paid for.
    pub period: (i64, i64),
    /// The period before that, which is what Stripe gives as the invoice's own.
    pub period_before: (i64, i64),
    /// When it was made final.
    pub finalized_at: Option<i64>,
    /// When it was paid.
    pub paid_at: Option<i64>,
    /// When it was declared void.
    pub voided_at: Option<i64>,
    /// When it was written off.
    pub written_off_at: Option<i64>,
    /// How often a payment was tried.
    pub attempts: u32,
    /// When a draft becomes final by itself.
    pub finalizes_at: Option<i64>,
    /// When a payment is tried again by itself.
    pub next_attempt: Option<i64>,
}

/// Why there is an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingReason {
    /// A subscription begins.
    SubscriptionCreate,
    /// A period begins.
    SubscriptionCycle,
    /// A subscription goes on.
    SubscriptionUpdate,
}

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It can still be changed.
    Draft,
    /// It is to be paid.
    Open,
    /// It is paid.
    Paid,
    /// It is written off.
    Uncollectible,
    /// It is as if it had never been.
    Void,
}

impl Status {
    /// Stripe's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }
}

impl Invoice {
    /// When something is due with it.
    pub(super) fn due(&self) -> Option<i64> {
        match self.status {
            Status::Draft => self.finalizes_at,
            Status::Open => self.next_attempt,
            Status::Paid | Status::Uncollectible | Status::Void => None,
        }
    }

    /// The API's object.
    pub(super) fn resource(&self, version: &Version, livemode: bool) -> Value {
        let is_paid = self.status == Status::Paid;
        let paid = if is_paid { self.amount } else { 0 };
        let mut invoice = json!({
            "id": self.id,
            "object": "invoice",
            "account_country": "CA",
            "account_name": "LeadsLock",
            "amount_due": self.amount,
            "amount_paid": paid,
            "amount_remaining": self.amount - paid,
            "attempt_count": self.attempts,
            "attempted": self.attempts > 0,
            "auto_advance": self.due().is_some(),
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "billing_reason": self.reason,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.price.currency,
            "custom_fields": null,
            "customer": self.customer,
            "default_payment_method": null,
            "description": null,
            "discounts": [],
            "due_date": null,
            "effective_at": self.finalized_at,
            "ending_balance": self.finalized_at.map(|_| 0),
            "footer": null,
            "hosted_invoice_url": null,
            "invoice_pdf": null,
            "lines": {
                "object": "list",
                "data": [self.line(version, livemode)],
                "has_more": false,
                "total_count": 1,
                "url": format!("/v1/invoices/{}/lines", self.id),
            },
            "livemode": livemode,
            "metadata": {},
        });
        let (period_start, period_end) = self.period_before;
        extend(
            &mut invoice,
            json!({
                "next_payment_attempt": self.next_attempt.or(self.finalizes_at),
                "number": self.number,
                "period_end": period_end,
                "period_start": period_start,
                "receipt_number": null,
                "starting_balance": 0,
                "status": self.status,
                "status_transitions": {
                    "finalized_at": self.finalized_at,
                    "marked_uncollectible_at": self.written_off_at,
                    "paid_at": self.paid_at,
                    "voided_at": self.voided_at,
                },
                "subtotal": self.amount,
                "test_clock": null,
                "total": self.amount,
                "webhooks_delivered_at": null,
            }),
        );
        extend(
            &mut invoice,
            if version.is_basil() {
                json!({
                    "parent": {
                        "quote_details": null,
                        "subscription_details": {
                            "metadata": self.metadata,
                            "subscription": self.subscription,
                        },
                        "type": "subscription_details",
                    },
                    "total_taxes": [],
                })
            } else {
                json!({
                    "charge": null,
                    "discount": null,
                    "paid": is_paid,
                    "paid_out_of_band": false,
                    "payment_intent": null,
                    "subscription": self.subscription,
                    "subscription_details": { "metadata": self.metadata },
                    "tax": null,
                    "total_tax_amounts": [],
                })
            },
        );
        invoice
    }

    fn line(&self, version: &Version, livemode: bool) -> Value {
        let (start, end) = self.period;
        let mut line = json!({
            "id": format!("il_{}", self.id.trim_start_matches("in_")),
            "object": "line_item",
            "amount": self.amount,
            "currency": self.price.currency,
            "description": format!("{} × {}", self.quantity, self.price.plan),
            "discount_amounts": [],
            "discountable": true,
            "discounts": [],
            "invoice": self.id,
            "livemode": livemode,
            "metadata": self.metadata,
            "period": { "end": end, "start": start },
            "quantity": self.quantity,
        });
        extend(
            &mut line,
            if version.is_basil() {
                json!({
                    "parent": {
                        "invoice_item_details": null,
                        "subscription_item_details": {
                            "invoice_item": null,
                            "proration": false,
                            "subscription": self.subscription,
                            "subscription_item": self.item,
                        },
                        "type": "subscription_item_details",
                    },
                    "pricing": {
                        "price_details": {
                            "price": self.price.id,
                            "product": self.price.product(),
                        },
                        "type": "price_details",
                        "unit_amount_decimal": self.price.unit_amount.to_string(),
                    },
                    "taxes": [],
                })
            } else {
                json!({
                    "plan": self.price.plan_resource(livemode),
                    "price": self.price.resource(livemode),
                    "proration": false,
                    "subscription": self.subscription,
                    "subscription_item": self.item,
                    "tax_amounts": [],
                    "type": "subscription",
                })
            },
        );
        line
    }
}
