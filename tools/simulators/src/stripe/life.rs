//! What becomes of subscriptions and invoices: by what people do, and with time.
//!
//! <https://docs.stripe.com/billing/subscriptions/overview>. Each change makes the
//! events that Stripe makes of it, in its order, with the second it was due.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    Account, AfterRetries,
    card::{Card, Decline},
    checkout,
    customer::Customer,
    event::Object,
    id,
    invoice::{self, BillingReason, Invoice},
    price::Price,
    subscription::{Change, PauseBehavior, Reason, Status, Subscription, WithoutCard},
};

/// A subscription to be created.
pub(super) struct Start {
    pub(super) customer: String,
    pub(super) price: Price,
    pub(super) quantity: u32,
    pub(super) trial_end: Option<i64>,
    pub(super) without_card: WithoutCard,
    pub(super) card: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// How a first payment is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstPayment {
    /// It is done already.
    Done,
    /// It is tried, and may fail.
    Tried,
    /// It is left to somebody.
    Later,
}

/// Why a session of Checkout is not completed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckoutError {
    /// There is no such session.
    #[error("there is no such session")]
    Unknown,
    /// It is complete or expired.
    #[error("this session is not open any more")]
    Closed,
    /// A card is needed.
    #[error("a card is needed")]
    CardMissing,
    /// The card was declined.
    #[error("{}", .0.message())]
    Declined(Decline),
}

/// Why a card is not attached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CardError {
    /// There is no such customer.
    #[error("there is no such customer")]
    Unknown,
    /// The card was declined.
    #[error("{}", .0.message())]
    Declined(Decline),
}

/// Something that time brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// A session of Checkout expires.
    Session,
    /// An invoice becomes final, or its payment is tried.
    Invoice,
    /// A subscription changes.
    Subscription(Change),
}

impl Account {
    /// When time brings something next, what, and to the object with which id.
    pub(crate) fn next_due(&self) -> Option<(i64, Due, &str)> {
        let sessions = self.sessions.iter().filter_map(|session| {
            let is_open = session.status == checkout::Status::Open;
            is_open.then_some((session.expires_at, Due::Session, session.id.as_str()))
        });
        let invoices = self
            .invoices
            .iter()
            .filter_map(|invoice| Some((invoice.due()?, Due::Invoice, invoice.id.as_str())));
        let subscriptions = self.subscriptions.iter().filter_map(|subscription| {
            let (at, change) = subscription.due()?;
            Some((at, Due::Subscription(change), subscription.id.as_str()))
        });
        // Of what is due at one second, an invoice comes first: it belongs to the
        // period that ends.
        sessions.chain(invoices).chain(subscriptions).min_by_key(|(at, ..)| *at)
    }

    /// Lets everything happen that is due by `now`, in its order.
    pub(super) fn catch_up(&mut self, now: i64) {
        while let Some((at, due, id)) = self.next_due().filter(|(at, ..)| *at <= now) {
            let id = id.to_owned();
            match due {
                Due::Session => self.expire_session(&id, at),
                Due::Invoice => self.advance_invoice(&id, at),
                Due::Subscription(change) => self.advance_subscription(&id, change, at),
            }
        }
    }

    fn advance_subscription(&mut self, id: &str, change: Change, now: i64) {
        match change {
            Change::Expires => self.expire_subscription(id, now),
            Change::TrialIsToEnd => {
                let announced = self.subscriptions.newest_mut(|one| one.id == id).map(|one| {
                    one.is_trial_end_announced = true;
                    one.clone()
                });
                if let Some(subscription) = announced {
                    let object = Object::Subscription(subscription.into());
                    self.emit("customer.subscription.trial_will_end", now, object, None);
                }
            }
            Change::TrialEnds => self.end_trial(id, now),
            Change::Resumes => self.change_subscription(id, now, |one| one.pause = None),
            Change::PeriodEnds => self.renew(id, now),
        }
    }

    /// Changes a subscription, and makes the event of it if anything changed.
    pub(super) fn change_subscription(
        &mut self,
        id: &str,
        now: i64,
        change: impl FnOnce(&mut Subscription),
    ) {
        self.change_subscription_by(id, now, "customer.subscription.updated", change);
    }

    fn change_subscription_by(
        &mut self,
        id: &str,
        now: i64,
        kind: &'static str,
        change: impl FnOnce(&mut Subscription),
    ) {
        let Some(subscription) = self.subscriptions.newest_mut(|one| one.id == id) else { return };
        let before = subscription.clone();
        change(subscription);
        let after = subscription.clone();
        if before != after {
            // Only what is said to be updated tells how it was before.
            let before = kind.ends_with(".updated").then(|| Object::Subscription(before.into()));
            self.emit(kind, now, Object::Subscription(after.into()), before);
        }
    }

    /// Changes a customer, and makes the event of it if anything changed.
    pub(super) fn change_customer(
        &mut self,
        id: &str,
        now: i64,
        change: impl FnOnce(&mut Customer),
    ) {
        let Some(customer) = self.customers.newest_mut(|one| one.id == id) else { return };
        let before = customer.clone();
        change(customer);
        let after = customer.clone();
        if before != after {
            let before = Object::Customer(before.into());
            self.emit("customer.updated", now, Object::Customer(after.into()), Some(before));
        }
    }

    /// Changes an invoice, and makes an event of each of `kinds`; that it was updated
    /// when there is none.
    fn change_invoice(
        &mut self,
        id: &str,
        now: i64,
        kinds: &[&'static str],
        change: impl FnOnce(&mut Invoice),
    ) {
        let Some(invoice) = self.invoices.newest_mut(|one| one.id == id) else { return };
        let before = invoice.clone();
        change(invoice);
        let after = invoice.clone();
        for kind in kinds {
            self.emit(kind, now, Object::Invoice(after.clone().into()), None);
        }
        if kinds.is_empty() && before != after {
            let before = Object::Invoice(before.into());
            self.emit("invoice.updated", now, Object::Invoice(after.into()), Some(before));
        }
    }

    /// Creates a customer.
    pub(super) fn create_customer(&mut self, customer: Customer, now: i64) {
        self.customers.push(customer.clone());
        self.emit("customer.created", now, Object::Customer(customer.into()), None);
    }

    /// Deletes a customer and, with it, its subscriptions.
    pub(super) fn delete_customer(&mut self, id: &str, now: i64) {
        let theirs = self.subscriptions.iter().filter(|one| one.customer == id);
        let open = theirs.filter(|one| !one.status.is_over()).map(|one| one.id.clone());
        for subscription in open.collect::<Vec<_>>() {
            self.cancel(&subscription, None, now);
        }
        let Some(customer) = self.customers.newest_mut(|one| one.id == id) else { return };
        let last = customer.clone();
        customer.is_deleted = true;
        self.emit("customer.deleted", now, Object::Customer(last.into()), None);
    }

    /// Gives a customer a card, to be charged for everything from now on.
    pub(crate) fn replace_card(
        &mut self,
        customer: &str,
        number: &str,
        now: i64,
    ) -> Result<String, CardError> {
        if self.customer(customer).is_none() {
            return Err(CardError::Unknown);
        }
        let card = Card::attach(number, customer, now).map_err(CardError::Declined)?;
        let card = self.attach(card, now);
        self.change_customer(customer, now, |one| one.default_card = Some(card.clone()));
        // A subscription with a card of its own would be charged to that one.
        let theirs = self.subscriptions.iter().filter(|one| one.customer == customer);
        let own = theirs.filter(|one| !one.status.is_over() && one.card.is_some());
        for subscription in own.map(|one| one.id.clone()).collect::<Vec<_>>() {
            self.change_subscription(&subscription, now, |one| one.card = Some(card.clone()));
        }
        Ok(card)
    }

    /// Puts a card on record, and returns its id.
    pub(super) fn attach(&mut self, card: Card, now: i64) -> String {
        let id = card.id.clone();
        self.cards.push(card.clone());
        self.emit("payment_method.attached", now, Object::Card(card.into()), None);
        id
    }

    fn expire_session(&mut self, id: &str, now: i64) {
        let Some(session) = self.sessions.newest_mut(|one| one.id == id) else { return };
        session.status = checkout::Status::Expired;
        let session = session.clone();
        self.emit("checkout.session.expired", now, Object::Session(session.into()), None);
    }

    /// Expires an open session before its time.
    pub(super) fn expire_open_session(&mut self, id: &str, now: i64) -> bool {
        let is_open = self.session(id).is_some_and(|one| one.status == checkout::Status::Open);
        if is_open {
            self.expire_session(id, now);
        }
        is_open
    }

    /// Does what the button of the Checkout page does.
    pub(crate) fn complete_checkout(
        &mut self,
        id: &str,
        email: Option<&str>,
        number: Option<&str>,
        now: i64,
    ) -> Result<(), CheckoutError> {
        let session = self.session(id).ok_or(CheckoutError::Unknown)?.clone();
        if session.status != checkout::Status::Open {
            return Err(CheckoutError::Closed);
        }
        if number.is_none() && session.needs_card() {
            return Err(CheckoutError::CardMissing);
        }
        let customer = session.customer.clone().unwrap_or_else(|| super::id("cus_"));
        let card = number.map(|number| Card::attach(number, &customer, now)).transpose();
        let card = card.map_err(CheckoutError::Declined)?;
        if session.amount_now() > 0 {
            self.charge(&customer, card.as_ref(), true).map_err(CheckoutError::Declined)?;
        }

        if session.customer.is_none() {
            let email = email.map(str::to_owned).or_else(|| session.customer_email.clone());
            let created = Customer {
                id: customer.clone(),
                created: now,
                email,
                name: None,
                phone: None,
                description: None,
                preferred_locales: session.locale.iter().cloned().collect(),
                metadata: BTreeMap::new(),
                default_card: None,
                is_deleted: false,
            };
            self.create_customer(created, now);
        }
        let card = card.map(|card| self.attach(card, now));
        let start = Start {
            customer: customer.clone(),
            price: session.price,
            quantity: session.quantity,
            trial_end: session.trial.map(|trial| trial.end(now)),
            without_card: session.without_card,
            card,
            metadata: session.subscription_metadata,
        };
        let subscription = self.start_subscription(start, FirstPayment::Done, now);
        let invoice = self.subscription(&subscription).and_then(|one| one.latest_invoice.clone());
        let email = self.customer(&customer).and_then(|one| one.email.clone());
        let Some(session) = self.sessions.newest_mut(|one| one.id == id) else { return Ok(()) };
        session.status = checkout::Status::Complete;
        session.customer = Some(customer);
        session.customer_email = email;
        session.subscription = Some(subscription);
        session.invoice = invoice;
        let session = session.clone();
        self.emit("checkout.session.completed", now, Object::Session(session.into()), None);
        Ok(())
    }

    /// Creates a subscription with its first invoice, and returns its id.
    pub(super) fn start_subscription(
        &mut self,
        start: Start,
        payment: FirstPayment,
        now: i64,
    ) -> String {
        let period_end = start.trial_end.unwrap_or_else(|| start.price.interval.after(now, 1));
        let invoice = id("in_");
        let subscription = Subscription {
            id: id("sub_"),
            item: id("si_"),
            customer: start.customer,
            price: start.price,
            quantity: start.quantity,
            status: if start.trial_end.is_some() { Status::Trialing } else { Status::Incomplete },
            created: now,
            anchor: start.trial_end.unwrap_or(now),
            periods: 0,
            period: (now, period_end),
            trial: start.trial_end.map(|end| (now, end)),
            is_trial_end_announced: false,
            without_card: start.without_card,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation: None,
            pause: None,
            card: start.card,
            latest_invoice: Some(invoice.clone()),
            metadata: start.metadata,
        };
        self.subscriptions.push(subscription.clone());
        let object = Object::Subscription(subscription.clone().into());
        self.emit("customer.subscription.created", now, object, None);

        let amount = if subscription.trial.is_some() { 0 } else { subscription.amount() };
        let draft = draft(&subscription, invoice.clone(), BillingReason::SubscriptionCreate, now);
        self.create_invoice(Invoice { amount, ..draft }, now);
        self.finalize(&invoice, now);
        match payment {
            _ if amount == 0 => {}
            FirstPayment::Done => self.settle(&invoice, 1, now),
            FirstPayment::Tried => {
                // That it failed shows in the subscription.
                let _ = self.attempt(&invoice, true, now);
            }
            FirstPayment::Later => {}
        }
        subscription.id
    }

    fn create_invoice(&mut self, invoice: Invoice, now: i64) {
        self.invoices.push(invoice.clone());
        self.emit("invoice.created", now, Object::Invoice(invoice.into()), None);
    }

    /// Makes a draft final. One of nothing is paid with that.
    fn finalize(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoice(id) else { return };
        let (customer, amount) = (invoice.customer.clone(), invoice.amount);
        let theirs = self.invoices.iter().filter(|one| one.customer == customer);
        let sequence = theirs.filter(|one| one.number.is_some()).count() + 1;
        let prefix = self.customer(&customer).map(Customer::invoice_prefix).unwrap_or_default();
        self.change_invoice(id, now, &["invoice.finalized"], |one| {
            one.status = invoice::Status::Open;
            one.number = Some(format!("{prefix}-{sequence:04}"));
            one.finalized_at = Some(now);
            one.finalizes_at = None;
        });
        if amount == 0 {
            self.settle(id, 0, now);
        }
    }

    /// Does what is due with an invoice: makes it final, or tries a payment.
    fn advance_invoice(&mut self, id: &str, now: i64) {
        let Some(invoice) = self.invoice(id) else { return };
        let is_draft = invoice.status == invoice::Status::Draft;
        let pause = self.subscription(&invoice.subscription).and_then(|one| one.pause);
        match pause.map(|pause| pause.behavior) {
            Some(PauseBehavior::KeepAsDraft) if is_draft => {
                self.change_invoice(id, now, &[], |one| one.finalizes_at = None);
            }
            Some(PauseBehavior::Void) if is_draft => self.void(id, now),
            Some(PauseBehavior::MarkUncollectible) if is_draft => {
                self.finalize(id, now);
                self.write_off(id, now);
            }
            Some(_) => self.change_invoice(id, now, &[], |one| one.next_attempt = None),
            None => {
                if is_draft {
                    self.finalize(id, now);
                }
                // That it failed shows in the subscription.
                let _ = self.attempt(id, false, now);
            }
        }
    }

    fn write_off(&mut self, id: &str, now: i64) {
        if self.invoice(id).is_some_and(|one| one.status == invoice::Status::Open) {
            self.change_invoice(id, now, &["invoice.marked_uncollectible"], |one| {
                one.status = invoice::Status::Uncollectible;
                one.written_off_at = Some(now);
            });
        }
    }

    fn void(&mut self, id: &str, now: i64) {
        self.change_invoice(id, now, &["invoice.voided"], |one| {
            one.status = invoice::Status::Void;
            one.voided_at = Some(now);
            one.finalizes_at = None;
            one.next_attempt = None;
        });
    }

    /// Charges a card, or does what was ordered instead.
    fn charge(
        &mut self,
        customer: &str,
        card: Option<&Card>,
        is_owner_there: bool,
    ) -> Result<(), Decline> {
        let ordered = self
            .payments
            .take(|order| order.customer.as_ref().is_none_or(|ordered| ordered == customer));
        match (ordered, card) {
            (Some(order), _) => order.decline.map_or(Ok(()), Err),
            (None, Some(card)) => card.charge(is_owner_there),
            (None, None) => Err(Decline::GenericDecline),
        }
    }

    /// Tries to collect an open invoice.
    pub(super) fn attempt(
        &mut self,
        id: &str,
        is_owner_there: bool,
        now: i64,
    ) -> Result<(), Decline> {
        let open = self.invoice(id).filter(|one| one.status == invoice::Status::Open);
        let Some(invoice) = open.cloned() else { return Ok(()) };
        let Some(subscription) = self.subscription(&invoice.subscription).cloned() else {
            return Ok(());
        };
        let card = self.card_for(&subscription).cloned();
        let charged = self.charge(&invoice.customer, card.as_ref(), is_owner_there);
        let attempts = invoice.attempts + 1;
        let Err(decline) = charged else {
            self.settle(id, attempts, now);
            return Ok(());
        };

        // A first payment is not tried again by itself, nor one of what is over.
        let is_retried = matches!(subscription.status, Status::Active | Status::PastDue);
        let pause = usize::try_from(attempts - 1).ok();
        let pause = pause.and_then(|past| self.settings.retry_days.get(past)).copied();
        let next = pause.filter(|_| is_retried).map(|days| now + i64::from(days) * 86_400);
        let mut kinds = vec!["invoice.payment_failed"];
        if decline == Decline::AuthenticationRequired {
            kinds.push("invoice.payment_action_required");
        }
        self.change_invoice(id, now, &kinds, |one| {
            one.attempts = attempts;
            one.next_attempt = next;
        });
        if is_retried {
            self.change_subscription(&subscription.id, now, |one| one.status = Status::PastDue);
        }
        if is_retried && next.is_none() {
            match self.settings.after_retries {
                AfterRetries::Cancel => {
                    self.cancel(&subscription.id, Some(Reason::PaymentFailed), now);
                }
                AfterRetries::MarkUnpaid => {
                    self.change_subscription(&subscription.id, now, |one| {
                        one.status = Status::Unpaid;
                    });
                }
                AfterRetries::LeavePastDue => {}
            }
        }
        Err(decline)
    }

    /// Tries to collect an invoice at once, be it a draft still.
    pub(super) fn pay(&mut self, id: &str, is_owner_there: bool, now: i64) -> Result<(), Decline> {
        if self.invoice(id).is_some_and(|one| one.status == invoice::Status::Draft) {
            self.finalize(id, now);
        }
        self.attempt(id, is_owner_there, now)
    }

    /// Puts on record that an invoice is paid, after so many attempts.
    fn settle(&mut self, id: &str, attempts: u32, now: i64) {
        let kinds = ["invoice.paid", "invoice.payment_succeeded"];
        self.change_invoice(id, now, &kinds, |one| {
            one.status = invoice::Status::Paid;
            one.paid_at = Some(now);
            one.attempts = attempts;
            one.next_attempt = None;
        });
        let Some(subscription) = self.invoice(id).map(|one| one.subscription.clone()) else {
            return;
        };
        self.change_subscription(&subscription, now, |one| {
            let is_latest = one.latest_invoice.as_deref() == Some(id);
            let owes = matches!(one.status, Status::Incomplete | Status::PastDue | Status::Unpaid);
            if is_latest && owes {
                one.status = Status::Active;
            }
        });
    }

    fn expire_subscription(&mut self, id: &str, now: i64) {
        let invoice = self.subscription(id).and_then(|one| one.latest_invoice.clone());
        if let Some(invoice) = invoice {
            self.void(&invoice, now);
        }
        self.change_subscription(id, now, |one| {
            one.status = Status::IncompleteExpired;
            one.ended_at = Some(now);
        });
    }

    fn end_trial(&mut self, id: &str, now: i64) {
        let Some(subscription) = self.subscription(id) else { return };
        let has_card = self.card_for(subscription).is_some();
        match subscription.without_card {
            _ if subscription.cancel_at_period_end => self.cancel(id, None, now),
            WithoutCard::Cancel if !has_card => self.cancel(id, None, now),
            WithoutCard::Pause if !has_card => {
                self.change_subscription(id, now, |one| one.status = Status::Paused);
                let paused = self.subscription(id).cloned();
                if let Some(paused) = paused {
                    let object = Object::Subscription(paused.into());
                    self.emit("customer.subscription.paused", now, object, None);
                }
            }
            WithoutCard::CreateInvoice | WithoutCard::Cancel | WithoutCard::Pause => {
                self.begin_period(id, now, |one| one.status = Status::Active);
            }
        }
    }

    fn renew(&mut self, id: &str, now: i64) {
        let Some(subscription) = self.subscription(id) else { return };
        if subscription.cancel_at_period_end {
            self.cancel(id, None, now);
        } else {
            self.begin_period(id, now, |one| one.periods += 1);
        }
    }

    /// Begins the next period, with a draft of its invoice.
    fn begin_period(&mut self, id: &str, now: i64, change: impl FnOnce(&mut Subscription)) {
        let invoice = super::id("in_");
        self.change_subscription(id, now, |one| {
            change(one);
            let end = one.price.interval.after(one.anchor, one.periods + 1);
            one.period = (now, end);
            one.latest_invoice = Some(invoice.clone());
        });
        let Some(subscription) = self.subscription(id) else { return };
        let draft = draft(subscription, invoice, BillingReason::SubscriptionCycle, now);
        // What is not paid for good is not asked for any more, until it is paid.
        let is_collected = subscription.status != Status::Unpaid;
        let wait = i64::from(self.settings.finalize_after_seconds);
        self.create_invoice(
            Invoice { finalizes_at: is_collected.then_some(now + wait), ..draft },
            now,
        );
    }

    /// Ends a subscription, for a reason of its own if it does not end with its period.
    pub(super) fn cancel(&mut self, id: &str, reason: Option<Reason>, now: i64) {
        self.change_subscription_by(id, now, "customer.subscription.deleted", |one| {
            one.status = Status::Canceled;
            one.canceled_at = one.canceled_at.or(Some(now));
            one.ended_at = Some(now);
            one.cancellation = reason.or(one.cancellation);
            one.cancel_at_period_end &= reason.is_none();
        });
        let theirs = self.invoices.iter().filter(|one| one.subscription == id);
        let open = theirs.filter(|one| one.due().is_some()).map(|one| one.id.clone());
        for invoice in open.collect::<Vec<_>>() {
            self.change_invoice(&invoice, now, &[], |one| {
                one.finalizes_at = None;
                one.next_attempt = None;
            });
        }
    }

    /// Has a subscription end with its period, or go on after all.
    pub(super) fn set_cancel_at_period_end(&mut self, id: &str, ends: bool, now: i64) {
        self.change_subscription(id, now, |one| one.set_cancel_at_period_end(ends, now));
    }

    /// Takes a paused subscription up again, if the payment for that succeeds.
    pub(super) fn resume(&mut self, id: &str, now: i64) -> Result<(), Decline> {
        let Some(subscription) = self.subscription(id).cloned() else { return Ok(()) };
        let resumed = Subscription {
            anchor: now,
            periods: 0,
            period: (now, subscription.price.interval.after(now, 1)),
            ..subscription
        };
        let invoice = super::id("in_");
        let draft = draft(&resumed, invoice.clone(), BillingReason::SubscriptionUpdate, now);
        self.create_invoice(draft, now);
        self.finalize(&invoice, now);
        if let Err(decline) = self.attempt(&invoice, true, now) {
            self.void(&invoice, now);
            return Err(decline);
        }
        self.change_subscription(id, now, |one| {
            *one =
                Subscription { status: Status::Active, latest_invoice: Some(invoice), ..resumed };
        });
        if let Some(resumed) = self.subscription(id).cloned() {
            let object = Object::Subscription(resumed.into());
            self.emit("customer.subscription.resumed", now, object, None);
        }
        Ok(())
    }

    /// The card a subscription is charged to.
    pub(super) fn card_for(&self, subscription: &Subscription) -> Option<&Card> {
        let customers = || self.customer(&subscription.customer)?.default_card.as_ref();
        // What is over gets no new card, though its last invoice can still be paid.
        let own = subscription.card.as_ref().filter(|_| !subscription.status.is_over());
        let id = own.or_else(customers).or(subscription.card.as_ref())?;
        self.cards.iter().rev().find(|card| card.id == *id)
    }
}

/// A draft of the invoice for the period under way.
fn draft(subscription: &Subscription, id: String, reason: BillingReason, now: i64) -> Invoice {
    let before = match (reason, subscription.trial, subscription.periods) {
        (BillingReason::SubscriptionCycle, Some(trial), 0) => trial,
        (BillingReason::SubscriptionCycle, _, periods) => {
            let interval = subscription.price.interval;
            (interval.after(subscription.anchor, periods.saturating_sub(1)), now)
        }
        _ => (now, now),
    };
    Invoice {
        id,
        number: None,
        customer: subscription.customer.clone(),
        subscription: subscription.id.clone(),
        metadata: subscription.metadata.clone(),
        item: subscription.item.clone(),
        price: subscription.price.clone(),
        quantity: subscription.quantity,
        amount: subscription.amount(),
        reason,
        status: invoice::Status::Draft,
        created: now,
        period: subscription.period,
        period_before: before,
        finalized_at: None,
        paid_at: None,
        voided_at: None,
        written_off_at: None,
        attempts: 0,
        finalizes_at: None,
        next_attempt: None,
    }
}
