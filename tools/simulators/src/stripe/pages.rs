//! Stripe's hosted pages, Checkout and the billing portal, and a page that shows
//! what the account holds and lets time pass.
//!
//! They are forms without a script. A card's number goes to the simulator only, and
//! is not kept there.

mod html;

use std::sync::Arc;

use axum::{
    extract::{Form, Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use url::Url;

use self::html::{date, escape, money};
use super::{
    Account, Session, Subscription,
    behaviour::PaymentBehaviour,
    card::Decline,
    checkout::{self, Portal},
    invoice::{self, Invoice},
    life::CheckoutError,
    subscription::{Reason, Status},
    time::{TimeError, change, let_pass, let_pass_until_next},
};
use crate::shared::Shared;

/// How many rows each list of the overview has.
const ROWS: usize = 20;

/// The numbers to choose from.
const TEST_CARDS: [(&str, &str); 5] = [
    ("4242 4242 4242 4242", "succeeds"),
    ("4000 0000 0000 0341", "is attached, then its charges fail"),
    ("4000 0027 6000 3184", "asks its owner at each renewal"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "has insufficient funds"),
];

/// `GET /stripe/stripe.css`: what these pages look like.
pub(super) async fn stylesheet() -> Response {
    html::file("text/css", include_str!("pages/stripe.css"))
}

/// `GET /stripe/checkout/{session}`: the Checkout page.
pub(super) async fn checkout(
    State(shared): State<Arc<Shared<Account>>>,
    Path(id): Path<String>,
) -> Response {
    change(&shared, |account| checkout_page(account, &id, StatusCode::OK, ""))
}

/// What the Checkout page's form holds.
#[derive(Deserialize)]
pub(super) struct Payment {
    #[serde(default)]
    email: String,
    #[serde(default)]
    card: String,
}

/// `POST /stripe/checkout/{session}`: its button.
pub(super) async fn pay(
    State(shared): State<Arc<Shared<Account>>>,
    Path(id): Path<String>,
    Form(payment): Form<Payment>,
) -> Response {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let (email, card) = (given(&payment.email), given(&payment.card));
    change(&shared, |account| {
        let now = account.now().as_second();
        match account.complete_checkout(&id, email.as_deref(), card.as_deref(), now) {
            Ok(()) => match account.session(&id) {
                Some(session) => Redirect::to(&session.success_url()).into_response(),
                None => html::missing(),
            },
            Err(CheckoutError::Declined(decline)) => {
                checkout_page(account, &id, StatusCode::PAYMENT_REQUIRED, decline.message())
            }
            Err(error @ CheckoutError::CardMissing) => {
                checkout_page(account, &id, StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
            }
            Err(CheckoutError::Unknown | CheckoutError::Closed) => {
                checkout_page(account, &id, StatusCode::CONFLICT, "")
            }
        }
    })
}

fn checkout_page(account: &Account, id: &str, status: StatusCode, trouble: &str) -> Response {
    let Some(session) = account.session(id) else { return html::missing() };
    let back = session
        .cancel_url
        .as_deref()
        .map_or(String::new(), |url| format!("<a href=\"{}\">Back to LeadsLock</a>", escape(url)));
    let plan = escape(&session.price.plan);
    let each = each(session.amount(), &session.price.currency, session.price.interval.as_str());
    let main = match session.status {
        checkout::Status::Open => checkout_form(account, session, &plan, &each, trouble),
        checkout::Status::Complete => {
            format!("<h1>{plan}</h1><p>You have subscribed already.</p>")
        }
        checkout::Status::Expired => {
            format!("<h1>{plan}</h1><p>This page has expired. Begin again.</p>")
        }
    };
    // The browser asks of a redirect after a form too whether it may go there.
    let target = Url::parse(&session.success_url()).ok();
    let target = target.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let page =
        format!("<main class=\"till\"><section class=\"panel\">{main}</section>{back}</main>");
    html::page(status, "Checkout", &page, &target)
}

fn checkout_form(
    account: &Account,
    session: &Session,
    plan: &str,
    each: &str,
    trouble: &str,
) -> String {
    let (today, button) = match session.trial {
        Some(trial) => {
            let end = date(trial.end(session.created));
            (format!("Free until {end}, then {each}."), "Start trial")
        }
        None => (format!("{each}, from today."), "Pay"),
    };
    let customer = session.customer.as_deref().and_then(|id| account.customer(id));
    let email = customer.and_then(|one| one.email.as_ref()).or(session.customer_email.as_ref());
    let email = escape(email.map_or("", String::as_str));
    let fixed = if session.customer.is_some() { "readonly" } else { "required" };
    let card = card_field(session.needs_card());
    let trouble = html::trouble(trouble);
    let now = money(session.amount_now(), &session.price.currency);
    format!(
        "<h1>{plan}</h1><p class=\"amount\">{now} <span>due today</span></p><p>{today}</p>{trouble}\
         <form method=\"post\">\
         <label><span>E-mail</span><input name=\"email\" type=\"email\" value=\"{email}\" {fixed}></label>\
         {card}<button class=\"primary\">{button}</button></form>"
    )
}

fn card_field(is_required: bool) -> String {
    let options: String = TEST_CARDS
        .iter()
        .map(|(number, does)| format!("<option value=\"{number}\">{does}</option>"))
        .collect();
    let (required, value) = if is_required {
        ("required", "4242 4242 4242 4242")
    } else {
        ("placeholder=\"not needed yet\"", "")
    };
    format!(
        "<label><span>Card number</span><input name=\"card\" inputmode=\"numeric\" \
         autocomplete=\"off\" list=\"cards\" value=\"{value}\" {required}></label>\
         <datalist id=\"cards\">{options}</datalist>\
         <p class=\"hint\">A test card: {}. The number stays in the simulator.</p>",
        TEST_CARDS.map(|(number, does)| format!("{number} {does}")).join("; "),
    )
}

/// What is paid how often.
fn each(amount: i64, currency: &str, interval: &str) -> String {
    format!("{} a {interval}", money(amount, currency))
}

/// `GET /stripe/portal/{session}`: the billing portal.
pub(super) async fn portal(
    State(shared): State<Arc<Shared<Account>>>,
    Path(id): Path<String>,
) -> Response {
    change(&shared, |account| portal_page(account, &id, StatusCode::OK, ""))
}

/// What a form of the billing portal holds.
#[derive(Deserialize)]
pub(super) struct PortalForm {
    act: PortalAct,
    /// The subscription or invoice it is about.
    #[serde(default)]
    on: String,
    #[serde(default)]
    card: String,
}

/// What can be done in the billing portal.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PortalAct {
    CancelAtPeriodEnd,
    CancelNow,
    Resume,
    ReplaceCard,
    Pay,
}

/// `POST /stripe/portal/{session}`: one of its buttons.
pub(super) async fn act_on_portal(
    State(shared): State<Arc<Shared<Account>>>,
    Path(id): Path<String>,
    Form(form): Form<PortalForm>,
) -> Response {
    change(&shared, |account| {
        let now = account.now().as_second();
        let Some(portal) = account.portal(&id).cloned() else { return html::missing() };
        match act(account, &portal, &form, now) {
            Ok(()) => Redirect::to(&portal.url).into_response(),
            Err(trouble) => portal_page(account, &id, StatusCode::PAYMENT_REQUIRED, &trouble),
        }
    })
}

fn act(account: &mut Account, portal: &Portal, form: &PortalForm, now: i64) -> Result<(), String> {
    let theirs = |subscription: &&Subscription| subscription.customer == portal.customer;
    let status = account.subscription(&form.on).filter(theirs).map(|one| one.status);
    let status = status.filter(|status| !status.is_over());
    let declined = |decline: Decline| decline.message().to_owned();
    match (form.act, status) {
        (PortalAct::CancelAtPeriodEnd, Some(_)) => {
            account.set_cancel_at_period_end(&form.on, true, now);
        }
        (PortalAct::CancelNow, Some(_)) => {
            account.cancel(&form.on, Some(Reason::Requested), now);
        }
        (PortalAct::Resume, Some(Status::Paused)) => {
            account.resume(&form.on, now).map_err(declined)?;
        }
        (PortalAct::Resume, Some(_)) => account.set_cancel_at_period_end(&form.on, false, now),
        (PortalAct::ReplaceCard, _) => {
            let replaced = account.replace_card(&portal.customer, form.card.trim(), now);
            replaced.map_err(|error| error.to_string())?;
        }
        (PortalAct::Pay, _) => {
            let invoice = account.invoice(&form.on);
            if invoice.is_some_and(|invoice| invoice.customer == portal.customer) {
                account.pay(&form.on, true, now).map_err(declined)?;
            }
        }
        // The page was out of date, and is shown anew.
        (PortalAct::CancelAtPeriodEnd | PortalAct::CancelNow | PortalAct::Resume, None) => {}
    }
    Ok(())
}

fn portal_page(account: &Account, id: &str, status: StatusCode, trouble: &str) -> Response {
    let Some(portal) = account.portal(id) else { return html::missing() };
    let Some(customer) = account.customer(&portal.customer) else { return html::missing() };
    let theirs = account.subscriptions.iter().rev().filter(|one| one.customer == customer.id);
    let subscriptions: String =
        theirs.take(ROWS).map(|one| subscription_panel(account, one)).collect();
    let none = if subscriptions.is_empty() { "<p>No subscription.</p>" } else { "" };
    let open = account.invoices.iter().rev().filter(|one| one.customer == customer.id);
    let invoices: String = open.take(ROWS).map(invoice_row).collect();
    let email = escape(customer.email.as_deref().unwrap_or("no e-mail address"));
    let back = portal
        .return_url
        .as_deref()
        .map_or(String::new(), |url| format!("<a href=\"{}\">Back to LeadsLock</a>", escape(url)));
    let page = format!(
        "<main class=\"till\"><section class=\"panel\"><h1>Your plan</h1><p>{email}</p>{trouble}\
         {subscriptions}{none}</section>\
         <section class=\"panel\"><h2>Card</h2><form method=\"post\">\
         <input type=\"hidden\" name=\"act\" value=\"replace_card\">{card}\
         <button>Change the card</button></form></section>\
         <section class=\"panel\"><h2>Invoices</h2><ol class=\"rows\">{invoices}</ol></section>\
         {back}</main>",
        trouble = html::trouble(trouble),
        card = card_field(true),
    );
    html::page(status, "Billing portal", &page, "")
}

fn subscription_panel(account: &Account, one: &Subscription) -> String {
    let (_, end) = one.period;
    let until = match one.status {
        Status::Canceled | Status::IncompleteExpired => String::new(),
        _ if one.cancel_at_period_end => format!(", ends on {}", date(end)),
        Status::Trialing => format!(", free until {}", date(end)),
        Status::Paused => String::new(),
        _ => format!(", renews on {}", date(end)),
    };
    let card = account
        .card_for(one)
        .map_or("no card".to_owned(), |card| format!("card ending in {}", escape(&card.last4)));
    let button = |act: &str, label: &str| {
        format!(
            "<form method=\"post\"><input type=\"hidden\" name=\"act\" value=\"{act}\">\
             <input type=\"hidden\" name=\"on\" value=\"{}\"><button>{label}</button></form>",
            escape(&one.id),
        )
    };
    let buttons = match one.status {
        Status::Canceled | Status::IncompleteExpired => String::new(),
        Status::Paused => button("resume", "Resume") + &button("cancel_now", "Cancel now"),
        _ if one.cancel_at_period_end => {
            button("resume", "Keep the plan") + &button("cancel_now", "Cancel now")
        }
        _ => {
            button("cancel_at_period_end", "Cancel at the end of the period")
                + &button("cancel_now", "Cancel now")
        }
    };
    format!(
        "<article><h2>{plan}</h2><p>{each}</p><p><b>{status}</b>{until}; {card}</p>\
         <div class=\"row\">{buttons}</div></article>",
        plan = escape(&one.price.plan),
        each = each(one.amount(), &one.price.currency, one.price.interval.as_str()),
        status = one.status.as_str(),
    )
}

fn invoice_row(one: &Invoice) -> String {
    let pay = if one.status == invoice::Status::Open {
        format!(
            "<form method=\"post\"><input type=\"hidden\" name=\"act\" value=\"pay\">\
             <input type=\"hidden\" name=\"on\" value=\"{}\"><button>Pay now</button></form>",
            escape(&one.id),
        )
    } else {
        String::new()
    };
    format!(
        "<li><span>{}</span><span>{}</span><span>{}</span>{pay}</li>",
        date(one.created),
        money(one.amount, &one.price.currency),
        one.status.as_str(),
    )
}

/// `GET /stripe`: what the account holds.
pub(super) async fn overview(State(shared): State<Arc<Shared<Account>>>) -> Response {
    change(&shared, |account| {
        let now = account.now().as_second();
        let next = account.next_due().map_or("Nothing is to come.".to_owned(), |(at, ..)| {
            format!("Something is due at {}.", date(at))
        });
        let customers = account.customers.iter().rev().take(ROWS).map(|one| {
            let email = one.email.as_deref().unwrap_or("");
            let state = if one.is_deleted { "deleted" } else { "" };
            row([&one.id, email, state])
        });
        let subscriptions = account.subscriptions.iter().rev().take(ROWS).map(|one| {
            let (_, end) = one.period;
            row([&one.id, &one.customer, one.status.as_str(), &format!("until {}", date(end))])
        });
        let invoices = account.invoices.iter().rev().take(ROWS).map(|one| {
            let amount = money(one.amount, &one.price.currency);
            row([&one.id, &one.subscription, &amount, one.status.as_str()])
        });
        let events = account.events.iter().rev().take(ROWS).map(|one| {
            let pending = account.pending_webhooks(&one.id);
            let state = if pending == 0 { String::new() } else { format!("{pending} pending") };
            row([&date(one.created), one.kind, one.object.id(), &state])
        });
        let ordered = account.payments.behaviours().len();
        let page = format!(
            "<header class=\"top\"><h1>Stripe, simulated</h1><p>No money moves: this account is \
             on this machine only. <a href=\"/\">The phone</a></p></header><main class=\"ledger\">\
             <section class=\"panel\"><h2>Time</h2><p>It is {now}. {next}</p>\
             <form method=\"post\" class=\"row\">\
             <button name=\"act\" value=\"next\">Next event</button>\
             <button name=\"act\" value=\"day\">+1 day</button>\
             <button name=\"act\" value=\"month\">+1 month</button></form>\
             <h2>Payments</h2><p>Orders that are open: {ordered}.</p><form method=\"post\" class=\"row\">\
             <button name=\"act\" value=\"fail\">Fail the next payment</button>\
             <button name=\"act\" value=\"normal\">Back to normal</button></form></section>\
             {customers}{subscriptions}{invoices}{events}</main>",
            now = date(now),
            customers = table("Customers", customers),
            subscriptions = table("Subscriptions", subscriptions),
            invoices = table("Invoices", invoices),
            events = table("Events", events),
        );
        html::page(StatusCode::OK, "Stripe", &page, "")
    })
}

/// One row of a list.
fn row<const N: usize>(cells: [&str; N]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<span>{}</span>", escape(cell))).collect();
    format!("<li>{cells}</li>")
}

/// A list of the newest entries.
fn table(title: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.collect();
    let rows = if rows.is_empty() { "<li>None yet.</li>".to_owned() } else { rows };
    format!("<section class=\"panel\"><h2>{title}</h2><ol class=\"rows\">{rows}</ol></section>")
}

/// What can be done on the overview.
#[derive(Deserialize)]
pub(super) struct OverviewForm {
    act: OverviewAct,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OverviewAct {
    Next,
    Day,
    Month,
    Fail,
    Normal,
}

/// `POST /stripe`: one of the overview's buttons.
pub(super) async fn act_on_overview(
    State(shared): State<Arc<Shared<Account>>>,
    Form(form): Form<OverviewForm>,
) -> Result<Response, TimeError> {
    match form.act {
        OverviewAct::Next => let_pass_until_next(&shared).await?,
        OverviewAct::Day => let_pass(&shared, 86_400).await?,
        OverviewAct::Month => {
            let now = shared.read(|account| account.now().as_second());
            let end = super::Interval::Month.after(now, 1);
            let_pass(&shared, (end - now).unsigned_abs()).await?;
        }
        OverviewAct::Fail => change(&shared, |account| {
            let decline = Some(Decline::GenericDecline);
            let order = PaymentBehaviour { payments: Some(1), customer: None, decline };
            account.payments.set([order]);
        }),
        OverviewAct::Normal => change(&shared, |account| account.payments.set([])),
    }
    Ok(Redirect::to("/stripe").into_response())
}
