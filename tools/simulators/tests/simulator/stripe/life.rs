//! The life of subscriptions as time passes, with the events it makes.

use hyper::Method;
use serde_json::{Value, json};
use simulators::stripe::{AfterRetries, behaviour::PaymentBehaviour, card::Decline};

use super::support::{ASKING_CARD, DAY, FAILING_CARD, GOOD_CARD, Stripe};

const HOUR: i64 = 3600;

/// A trial of two weeks.
const TRIAL: (&str, &str) = ("subscription_data[trial_period_days]", "14");

fn created(object: &Value) -> i64 {
    object["created"].as_i64().unwrap()
}

/// When the period under way ends.
fn period_end(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap()
}

#[tokio::test]
async fn a_subscription_begins_with_its_first_payment() {
    let stripe = Stripe::start().await;
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let begun = stripe.subscription(&subscription).await;
    assert_eq!(begun["status"], "active");
    let second = created(&begun);
    let kinds: Vec<_> = stripe.events_since(0).into_iter().collect();
    let in_one_second: Vec<_> =
        kinds.into_iter().skip(1).map(|(kind, at)| (kind, at - second)).collect();
    assert_eq!(
        in_one_second,
        [
            ("payment_method.attached", 0),
            ("customer.subscription.created", 0),
            ("invoice.created", 0),
            ("invoice.finalized", 0),
            ("invoice.paid", 0),
            ("invoice.payment_succeeded", 0),
            ("customer.subscription.updated", 0),
            ("checkout.session.completed", 0),
        ]
    );
}

#[tokio::test]
async fn a_trial_ends_and_is_paid_and_renewed() {
    let stripe = Stripe::start().await;
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[TRIAL]).await;
    let begun = stripe.subscription(&subscription).await;
    let start = created(&begun);
    assert_eq!(begun["status"], "trialing");
    assert_eq!(
        (&begun["trial_start"], &begun["trial_end"]),
        (&json!(start), &json!(start + 14 * DAY))
    );
    assert_eq!(period_end(&begun), start + 14 * DAY);

    stripe.travel_to(start + 14 * DAY + 2 * HOUR);
    let paid = stripe.subscription(&subscription).await;
    assert_eq!(paid["status"], "active");
    assert_eq!(
        stripe.events_since(start + 1),
        [
            ("customer.subscription.trial_will_end", 11 * DAY - 1),
            ("customer.subscription.updated", 14 * DAY - 1),
            ("invoice.created", 14 * DAY - 1),
            ("invoice.finalized", 14 * DAY + HOUR - 1),
            ("invoice.paid", 14 * DAY + HOUR - 1),
            ("invoice.payment_succeeded", 14 * DAY + HOUR - 1),
        ]
    );

    // Several periods at once, each at its own second.
    let first_end = period_end(&paid);
    stripe.travel_to(first_end + 70 * DAY);
    let renewals = stripe.events_since(first_end);
    let kinds: Vec<_> = renewals.iter().map(|(kind, _)| *kind).collect();
    let renewal = [
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
    ];
    assert_eq!(kinds, renewal.repeat(3));
    assert!(renewals.is_sorted_by_key(|(_, at)| *at));
    assert_eq!((renewals[0].1, renewals[2].1), (0, HOUR));
    let month = |at: i64| (28 * DAY..=31 * DAY).contains(&at);
    assert!(month(renewals[5].1) && month(renewals[10].1 - renewals[5].1));
    let now = stripe.subscription(&subscription).await;
    assert!(month(period_end(&now) - (first_end + renewals[10].1)));
}

#[tokio::test]
async fn a_payment_that_fails_is_tried_again_and_then_given_up() {
    for (after, status, last) in [
        (AfterRetries::Cancel, "canceled", "customer.subscription.deleted"),
        (AfterRetries::MarkUnpaid, "unpaid", "customer.subscription.updated"),
        (AfterRetries::LeavePastDue, "past_due", "invoice.payment_failed"),
    ] {
        let stripe = Stripe::start().await;
        stripe.set(|settings| settings.after_retries = after);
        let (subscription, customer) = stripe.subscribe(FAILING_CARD, &[TRIAL]).await;
        let due = created(&stripe.subscription(&subscription).await) + 14 * DAY + HOUR;

        stripe.travel_to(due + 60);
        assert_eq!(stripe.status(&subscription).await, "past_due");
        let invoice = stripe.subscription(&subscription).await["latest_invoice"].clone();
        let invoice = format!("/v1/invoices/{}", invoice.as_str().unwrap());
        let failed = stripe.get(&invoice, &[]).await;
        assert_eq!((&failed["status"], &failed["attempt_count"]), (&json!("open"), &json!(1)));
        assert_eq!(failed["next_payment_attempt"], due + 3 * DAY);

        stripe.travel_to(due + 16 * DAY);
        assert_eq!(stripe.status(&subscription).await, status);
        let events = stripe.events_since(due);
        let failures: Vec<_> =
            events.iter().filter(|(kind, _)| *kind == "invoice.payment_failed").collect();
        let days: Vec<_> = failures.iter().map(|(_, at)| at / DAY).collect();
        assert_eq!(days, [0, 3, 8, 15]);
        assert_eq!(*events.last().unwrap(), (last, 15 * DAY));
        let given_up = stripe.get(&invoice, &[]).await;
        assert_eq!(given_up["next_payment_attempt"], Value::Null);
        assert_eq!(given_up["attempt_count"], 4);
        if after == AfterRetries::Cancel {
            let ended = stripe.subscription(&subscription).await;
            assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
            assert_eq!(ended["ended_at"], due + 15 * DAY);
            stripe.replace_card(&customer, GOOD_CARD).await;
            assert_eq!(stripe.post(&format!("{invoice}/pay"), &[]).await["status"], "paid");
            assert_eq!(stripe.status(&subscription).await, "canceled", "though it is paid");
            stripe.travel_to(due + 90 * DAY);
            assert_eq!(stripe.events_since(due + 17 * DAY), [], "it stays over");
        }
    }
}

#[tokio::test]
async fn a_new_card_recovers_what_is_past_due() {
    for by_hand in [false, true] {
        let stripe = Stripe::start().await;
        let (subscription, customer) = stripe.subscribe(FAILING_CARD, &[TRIAL]).await;
        let due = created(&stripe.subscription(&subscription).await) + 14 * DAY + HOUR;
        stripe.travel_to(due + 60);

        stripe.replace_card(&customer, GOOD_CARD).await;
        let replaced: Vec<_> =
            stripe.events_since(due + 1).into_iter().map(|(kind, _)| kind).collect();
        let kinds =
            ["payment_method.attached", "customer.updated", "customer.subscription.updated"];
        assert_eq!(replaced, kinds);
        assert_eq!(stripe.status(&subscription).await, "past_due", "nothing is paid by that");
        if by_hand {
            let invoice = stripe.subscription(&subscription).await["latest_invoice"].clone();
            let path = format!("/v1/invoices/{}/pay", invoice.as_str().unwrap());
            assert_eq!(stripe.post(&path, &[]).await["status"], "paid");
        } else {
            stripe.travel_to(due + 3 * DAY + 60);
        }
        assert_eq!(stripe.status(&subscription).await, "active");
        let kinds: Vec<_> = stripe.events_since(due).into_iter().map(|(kind, _)| kind).collect();
        let recovered =
            ["invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated"];
        assert!(kinds.ends_with(&recovered), "{kinds:?}");
    }
}

#[tokio::test]
async fn what_is_unpaid_recovers_with_its_latest_invoice() {
    let stripe = Stripe::start().await;
    stripe.set(|settings| settings.after_retries = AfterRetries::MarkUnpaid);
    let (subscription, customer) = stripe.subscribe(FAILING_CARD, &[TRIAL]).await;
    let due = created(&stripe.subscription(&subscription).await) + 14 * DAY + HOUR;
    stripe.travel_to(due + 40 * DAY);
    let unpaid = stripe.subscription(&subscription).await;
    assert_eq!(unpaid["status"], "unpaid");
    let invoice = format!("/v1/invoices/{}", unpaid["latest_invoice"].as_str().unwrap());
    let draft = stripe.get(&invoice, &[]).await;
    assert_eq!((&draft["status"], &draft["auto_advance"]), (&json!("draft"), &json!(false)));

    stripe.replace_card(&customer, GOOD_CARD).await;
    stripe.post(&format!("{invoice}/pay"), &[]).await;
    assert_eq!(stripe.status(&subscription).await, "active");
}

#[tokio::test]
async fn a_payment_can_need_the_owner() {
    let stripe = Stripe::start().await;
    let (subscription, _) = stripe.subscribe(ASKING_CARD, &[]).await;
    let begun = stripe.subscription(&subscription).await;
    assert_eq!(begun["status"], "active", "the owner was there");
    let due = period_end(&begun) + HOUR;
    stripe.travel_to(due + 60);
    assert_eq!(stripe.status(&subscription).await, "past_due");
    let kinds: Vec<_> = stripe.events_since(due).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        [
            "invoice.finalized",
            "invoice.payment_failed",
            "invoice.payment_action_required",
            "customer.subscription.updated",
        ]
    );
}

#[tokio::test]
async fn the_next_payment_fails_when_that_is_ordered() {
    let stripe = Stripe::start().await;
    let (subscription, customer) = stripe.subscribe(GOOD_CARD, &[]).await;
    let (other, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let due = period_end(&stripe.subscription(&subscription).await) + HOUR;
    stripe.simulator.change(|world| {
        world.stripe.payments.set([PaymentBehaviour {
            payments: Some(1),
            customer: Some(customer),
            decline: Some(Decline::InsufficientFunds),
        }]);
    });
    stripe.travel_to(due + 60);
    assert_eq!(stripe.status(&subscription).await, "past_due");
    assert_eq!(stripe.status(&other).await, "active");
    stripe.travel_to(due + 3 * DAY + 60);
    assert_eq!(stripe.status(&subscription).await, "active");
}

#[tokio::test]
async fn a_cancelled_subscription_ends_with_its_period_unless_it_is_kept() {
    let stripe = Stripe::start().await;
    let (ending, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let (kept, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let end = period_end(&stripe.subscription(&ending).await);
    for subscription in [&ending, &kept] {
        let path = format!("/v1/subscriptions/{subscription}");
        stripe.post(&path, &[("cancel_at_period_end", "true")]).await;
    }
    stripe.post(&format!("/v1/subscriptions/{kept}"), &[("cancel_at_period_end", "false")]).await;

    stripe.travel_to(end - 60);
    assert_eq!(stripe.status(&ending).await, "active");
    stripe.travel_to(end + 60);

    let ended = stripe.subscription(&ending).await;
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("canceled"), &json!(end)));
    assert!(ended["canceled_at"].as_i64() < ended["ended_at"].as_i64());
    assert_eq!(ended["cancellation_details"]["reason"], "cancellation_requested");
    assert_eq!(stripe.status(&kept).await, "active");
    let deleted = stripe.get("/v1/events", &[("type", "customer.subscription.deleted")]).await;
    assert_eq!(deleted["data"][0]["created"], end);
    assert_eq!(deleted["data"][0]["data"]["object"]["status"], "canceled");
    assert!(deleted["data"][0]["data"].get("previous_attributes").is_none());
}

#[tokio::test]
async fn a_first_payment_has_23_hours() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer(Some("pm_card_chargeCustomerFail")).await;
    let fields = [("customer", customer.as_str()), ("items[0][price]", "price_local_month")];
    let paid = stripe.post("/v1/subscriptions", &fields).await;
    let expired = stripe.post("/v1/subscriptions", &fields).await;
    assert_eq!((&paid["status"], &expired["status"]), (&json!("incomplete"), &json!("incomplete")));

    stripe.replace_card(&customer, GOOD_CARD).await;
    let invoice = format!("/v1/invoices/{}/pay", paid["latest_invoice"].as_str().unwrap());
    stripe.post(&invoice, &[]).await;
    let start = created(&expired);
    stripe.travel_to(start + 23 * HOUR + 60);

    assert_eq!(stripe.status(paid["id"].as_str().unwrap()).await, "active");
    assert_eq!(stripe.status(expired["id"].as_str().unwrap()).await, "incomplete_expired");
    let events = stripe.events_since(start + 22 * HOUR);
    assert_eq!(events, [("invoice.voided", HOUR), ("customer.subscription.updated", HOUR)]);
    stripe.travel_to(start + 25 * HOUR);
    let late = format!("/v1/invoices/{}/pay", expired["latest_invoice"].as_str().unwrap());
    assert_eq!(stripe.call(Method::POST, &late, &[]).await.status, 400);
}

#[tokio::test]
async fn a_trial_without_a_card_ends_as_was_said() {
    let behavior = "subscription_data[trial_settings][end_behavior][missing_payment_method]";
    for (choice, status, last) in [
        ("pause", "paused", "customer.subscription.paused"),
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("create_invoice", "past_due", "customer.subscription.updated"),
    ] {
        let stripe = Stripe::start().await;
        let collection = ("payment_method_collection", "if_required");
        let session = stripe.session(&[TRIAL, (behavior, choice), collection]).await;
        let path = format!("/stripe/sessions/{}/complete", super::support::id(&session));
        let given = json!({ "email": "owner@example.com" });
        let completed = stripe.control(Method::POST, &path, given).await.json();
        assert_eq!(completed["payment_status"], "no_payment_required");
        let subscription = completed["subscription"].as_str().unwrap();
        let end = created(&stripe.subscription(subscription).await) + 14 * DAY;

        stripe.travel_to(end + 2 * HOUR);
        assert_eq!(stripe.status(subscription).await, status);
        assert_eq!(stripe.events_since(end).last().unwrap().0, last);
        if choice == "pause" {
            let resume = format!("/v1/subscriptions/{subscription}/resume");
            assert_eq!(stripe.call(Method::POST, &resume, &[]).await.status, 402);
            assert_eq!(stripe.status(subscription).await, "paused");
            stripe.replace_card(completed["customer"].as_str().unwrap(), GOOD_CARD).await;
            assert_eq!(stripe.post(&resume, &[]).await["status"], "active");
            let last = stripe.events_since(end).last().unwrap().0;
            assert_eq!(last, "customer.subscription.resumed");
        }
    }
}

#[tokio::test]
async fn invoices_are_not_collected_while_that_is_paused() {
    for (behavior, status, kind) in [
        ("void", "void", "invoice.voided"),
        ("mark_uncollectible", "uncollectible", "invoice.marked_uncollectible"),
        ("keep_as_draft", "draft", "invoice.updated"),
    ] {
        let stripe = Stripe::start().await;
        let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
        let path = format!("/v1/subscriptions/{subscription}");
        let end = period_end(&stripe.subscription(&subscription).await);
        let resumes_at = (end + DAY).to_string();
        let fields = [
            ("pause_collection[behavior]", behavior),
            ("pause_collection[resumes_at]", &resumes_at),
        ];
        stripe.post(&path, &fields).await;

        stripe.travel_to(end + 2 * HOUR);
        let renewed = stripe.subscription(&subscription).await;
        assert_eq!(renewed["status"], "active");
        let invoice = format!("/v1/invoices/{}", renewed["latest_invoice"].as_str().unwrap());
        assert_eq!(stripe.get(&invoice, &[]).await["status"], status);
        let last = stripe.events_since(end).last().unwrap().0;
        assert_eq!(last, kind);
        stripe.travel_to(end + DAY + 60);
        assert_eq!(stripe.subscription(&subscription).await["pause_collection"], Value::Null);
        assert_eq!(stripe.events_since(end + DAY), [("customer.subscription.updated", 0)]);
    }
}

#[tokio::test]
async fn with_a_customer_its_subscriptions_end() {
    let stripe = Stripe::start().await;
    let (subscription, customer) = stripe.subscribe(GOOD_CARD, &[TRIAL]).await;
    let before = stripe.events_since(0).len();
    stripe.call(Method::DELETE, &format!("/v1/customers/{customer}"), &[]).await;
    assert_eq!(stripe.status(&subscription).await, "canceled");
    let kinds: Vec<_> = stripe.events_since(0).split_off(before).into_iter().map(|e| e.0).collect();
    assert_eq!(kinds, ["customer.subscription.deleted", "customer.deleted"]);
}

#[tokio::test]
async fn a_short_trial_is_announced_at_once() {
    let stripe = Stripe::start().await;
    let (subscription, _) =
        stripe.subscribe(GOOD_CARD, &[("subscription_data[trial_period_days]", "2")]).await;
    let start = created(&stripe.subscription(&subscription).await);
    let announced: Vec<_> = stripe
        .events_since(start)
        .into_iter()
        .filter(|(kind, _)| *kind == "customer.subscription.trial_will_end")
        .collect();
    assert_eq!(announced, [("customer.subscription.trial_will_end", 0)]);
}
