//! What the API can be asked for.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    Account,
    call::ApiCall,
    card::Card,
    checkout::{self, Portal, Session, Trial},
    customer::Customer,
    event,
    expand::expand,
    form::Form,
    id, invoice,
    life::{CardError, FirstPayment, Start},
    listing,
    price::Price,
    refusal::Refusal,
    subscription::{Pause, PauseBehavior, Reason, Status, WithoutCard},
    version::Version,
    webhook::DeliveryState,
};

/// How long a session of Checkout is open when it is not told, and at least, in seconds.
const SESSION_TIME: i64 = 24 * 3600;
const SHORTEST_SESSION: i64 = 30 * 60;

/// The longest trial, in days.
const LONGEST_TRIAL: i64 = 730;

/// What a session of Checkout is created with. The last ones change nothing here.
const SESSION_PARAMETERS: [&str; 29] = [
    "mode",
    "customer",
    "customer_email",
    "client_reference_id",
    "line_items[][price]",
    "line_items[][quantity]",
    "success_url",
    "cancel_url",
    "expires_at",
    "locale",
    "metadata[*]",
    "payment_method_collection",
    "subscription_data[metadata][*]",
    "subscription_data[trial_period_days]",
    "subscription_data[trial_end]",
    "subscription_data[trial_settings][end_behavior][missing_payment_method]",
    "subscription_data[description]",
    "subscription_data[billing_mode][type]",
    "ui_mode",
    "allow_promotion_codes",
    "automatic_tax[enabled]",
    "billing_address_collection",
    "consent_collection[*]",
    "custom_text[*]",
    "customer_update[*]",
    "payment_method_types[]",
    "phone_number_collection[enabled]",
    "submit_type",
    "tax_id_collection[enabled]",
];

const CUSTOMER_PARAMETERS: [&str; 8] = [
    "email",
    "name",
    "phone",
    "description",
    "preferred_locales[]",
    "metadata[*]",
    "payment_method",
    "invoice_settings[default_payment_method]",
];

/// Answers a request, with the objects in it expanded as it asks for.
pub(super) fn answer(
    account: &mut Account,
    call: &ApiCall,
    version: &Version,
    now: i64,
) -> Result<Value, Refusal> {
    let mut answer = dispatch(account, call, version, now)?;
    for path in call.form.list("expand") {
        expand(account, version, &mut answer, path)?;
    }
    Ok(answer)
}

fn dispatch(
    account: &mut Account,
    call: &ApiCall,
    version: &Version,
    now: i64,
) -> Result<Value, Refusal> {
    let form = &call.form;
    let path: Vec<&str> = call.path.split('/').skip(1).collect();
    let method = match call.method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "",
    };
    match (method, path.as_slice()) {
        ("POST", ["v1", "customers"]) => create_customer(account, form, now),
        ("GET", ["v1", "customers"]) => list_customers(account, form),
        ("GET", ["v1", "customers", id]) => {
            form.ensure_known(&[])?;
            let customer = account.customers.iter().rev().find(|one| one.id == *id);
            let customer = customer.ok_or_else(|| missing("customer", id))?;
            Ok(account.customer_resource(customer))
        }
        ("POST", ["v1", "customers", id]) => update_customer(account, form, id, now),
        ("DELETE", ["v1", "customers", id]) => {
            form.ensure_known(&[])?;
            account.customer(id).ok_or_else(|| missing("customer", id))?;
            account.delete_customer(id, now);
            Ok(json!({ "id": id, "object": "customer", "deleted": true }))
        }
        ("GET", ["v1", "checkout", "sessions"]) => list_sessions(account, form),
        ("POST", ["v1", "checkout", "sessions"]) => create_session(account, form, now),
        ("GET", ["v1", "checkout", "sessions", id]) => {
            form.ensure_known(&[])?;
            session(account, id)
        }
        ("POST", ["v1", "checkout", "sessions", id, "expire"]) => {
            form.ensure_known(&[])?;
            session(account, id)?;
            if !account.expire_open_session(id, now) {
                let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
                return Err(Refusal::Impossible(message.to_owned()));
            }
            session(account, id)
        }
        ("POST", ["v1", "billing_portal", "sessions"]) => create_portal(account, form, now),
        ("POST", ["v1", "subscriptions"]) => create_subscription(account, form, version, now),
        ("GET", ["v1", "subscriptions"]) => list_subscriptions(account, form, version),
        ("GET", ["v1", "subscriptions", id]) => {
            form.ensure_known(&[])?;
            subscription(account, version, id)
        }
        ("POST", ["v1", "subscriptions", id]) => {
            update_subscription(account, form, version, id, now)
        }
        ("DELETE", ["v1", "subscriptions", id]) => {
            form.ensure_known(&["invoice_now", "prorate", "cancellation_details[*]"])?;
            let is_over = |status: Status| status.is_over();
            let found = account.subscription(id).filter(|one| !is_over(one.status));
            found.ok_or_else(|| missing("subscription", id))?;
            account.cancel(id, Some(Reason::Requested), now);
            subscription(account, version, id)
        }
        ("POST", ["v1", "subscriptions", id, "resume"]) => {
            form.ensure_known(&["billing_cycle_anchor", "proration_behavior"])?;
            let found = account.subscription(id).ok_or_else(|| missing("subscription", id))?;
            if found.status != Status::Paused {
                let message = "Only paused subscriptions can be resumed.";
                return Err(Refusal::Impossible(message.to_owned()));
            }
            account.resume(id, now).map_err(Refusal::Declined)?;
            subscription(account, version, id)
        }
        ("GET", ["v1", "invoices"]) => list_invoices(account, form, version),
        ("GET", ["v1", "invoices", id]) => {
            form.ensure_known(&[])?;
            invoice(account, version, id)
        }
        ("POST", ["v1", "invoices", id, "pay"]) => {
            form.ensure_known(&["off_session"])?;
            let status = account.invoice(id).ok_or_else(|| missing("invoice", id))?.status;
            if !matches!(status, invoice::Status::Draft | invoice::Status::Open) {
                let message = "Invoice is not open, so it cannot be paid.";
                return Err(Refusal::Impossible(message.to_owned()));
            }
            let is_owner_there = !form.boolean("off_session")?.unwrap_or(false);
            account.pay(id, is_owner_there, now).map_err(Refusal::Declined)?;
            invoice(account, version, id)
        }
        ("GET", ["v1", "prices"]) => list_prices(account, form),
        ("GET", ["v1", "prices", id]) => {
            form.ensure_known(&[])?;
            let price = account.price(id).ok_or_else(|| missing("price", id))?;
            Ok(price.resource(account.settings.livemode))
        }
        ("GET", ["v1", "payment_methods", id]) => {
            form.ensure_known(&[])?;
            let card = account.cards.iter().rev().find(|one| one.id == *id);
            let card = card.ok_or_else(|| missing("payment_method", id))?;
            Ok(card.resource(account.settings.livemode))
        }
        ("GET", ["v1", "events"]) => list_events(account, form, now),
        ("GET", ["v1", "events", id]) => {
            form.ensure_known(&[])?;
            let event = account.event(id).filter(|one| one.created >= now - event::KEPT);
            Ok(account.event_resource(event.ok_or_else(|| missing("event", id))?))
        }
        _ => {
            let (method, path) = (call.method.to_string(), call.path.clone());
            Err(Refusal::NotFound { method, path })
        }
    }
}

/// The path names an object there is not.
fn missing(kind: &'static str, id: &str) -> Refusal {
    Refusal::ObjectMissing { kind, id: id.to_owned() }
}

/// A parameter names an object there is not.
fn dangling(kind: &'static str, id: &str, name: &str) -> Refusal {
    Refusal::ReferenceMissing { kind, id: id.to_owned(), name: name.to_owned() }
}

fn session(account: &Account, id: &str) -> Result<Value, Refusal> {
    let session = account.session(id).ok_or_else(|| missing("checkout.session", id))?;
    Ok(account.session_resource(session))
}

fn subscription(account: &Account, version: &Version, id: &str) -> Result<Value, Refusal> {
    let subscription = account.subscription(id).ok_or_else(|| missing("subscription", id))?;
    Ok(subscription.resource(version, account.settings.livemode))
}

fn invoice(account: &Account, version: &Version, id: &str) -> Result<Value, Refusal> {
    let invoice = account.invoice(id).ok_or_else(|| missing("invoice", id))?;
    Ok(invoice.resource(version, account.settings.livemode))
}

/// Sets an optional text: to nothing if it is given and empty.
fn set(text: &mut Option<String>, form: &Form, name: &str) {
    if let Some(given) = form.given(name) {
        *text = Some(given.to_owned()).filter(|given| !given.is_empty());
    }
}

/// Sets what a request says about a customer.
fn describe(customer: &mut Customer, form: &Form) -> Result<(), Refusal> {
    if form.text("email").is_some_and(|email| !email.contains('@')) {
        let email = form.text("email").unwrap_or_default();
        return Err(Refusal::ParameterInvalid {
            name: "email".to_owned(),
            code: Some("email_invalid"),
            message: format!("Invalid email address: {email}"),
        });
    }
    set(&mut customer.email, form, "email");
    set(&mut customer.name, form, "name");
    set(&mut customer.phone, form, "phone");
    set(&mut customer.description, form, "description");
    let locales = form.list("preferred_locales");
    if !locales.is_empty() {
        customer.preferred_locales = locales.into_iter().map(str::to_owned).collect();
    }
    form.amend("metadata", &mut customer.metadata)
}

/// The card a request names for a customer: by its id, or by one of the names
/// Stripe has for test cards.
fn named_card(account: &mut Account, customer: &str, form: &Form, now: i64) -> Result<(), Refusal> {
    for name in ["payment_method", "invoice_settings[default_payment_method]"] {
        let Some(card) = form.text(name) else { continue };
        if let Some(number) = Card::number_of(card) {
            account.replace_card(customer, number, now).map_err(|error| match error {
                CardError::Declined(decline) => Refusal::Declined(decline),
                CardError::Unknown => missing("customer", customer),
            })?;
        } else if account.cards.iter().any(|one| one.id == card && one.customer == customer) {
            account.change_customer(customer, now, |one| one.default_card = Some(card.to_owned()));
        } else {
            return Err(dangling("PaymentMethod", card, name));
        }
    }
    Ok(())
}

fn create_customer(account: &mut Account, form: &Form, now: i64) -> Result<Value, Refusal> {
    form.ensure_known(&CUSTOMER_PARAMETERS)?;
    let mut customer = Customer {
        id: id("cus_"),
        created: now,
        email: None,
        name: None,
        phone: None,
        description: None,
        preferred_locales: Vec::new(),
        metadata: BTreeMap::new(),
        default_card: None,
        is_deleted: false,
    };
    describe(&mut customer, form)?;
    let declined = form.text("payment_method").and_then(Card::number_of);
    if let Some(Err(decline)) = declined.map(|number| Card::attach(number, &customer.id, now)) {
        return Err(Refusal::Declined(decline));
    }
    let id = customer.id.clone();
    account.create_customer(customer, now);
    named_card(account, &id, form, now)?;
    let customer = account.customer(&id).ok_or_else(|| missing("customer", &id))?;
    Ok(account.customer_resource(customer))
}

fn update_customer(
    account: &mut Account,
    form: &Form,
    id: &str,
    now: i64,
) -> Result<Value, Refusal> {
    form.ensure_known(&CUSTOMER_PARAMETERS)?;
    let customer = account.customer(id).ok_or_else(|| missing("customer", id))?;
    let mut described = customer.clone();
    describe(&mut described, form)?;
    account.change_customer(id, now, |customer| *customer = described);
    named_card(account, id, form, now)?;
    let customer = account.customer(id).ok_or_else(|| missing("customer", id))?;
    Ok(account.customer_resource(customer))
}

/// The names of a list's parameters, and those every list has.
fn list_parameters(own: &[&'static str]) -> Vec<&'static str> {
    own.iter().copied().chain(listing::PARAMETERS).collect()
}

fn list_customers(account: &Account, form: &Form) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&["email"]))?;
    let email = form.text("email");
    let fits =
        |one: &&Customer| !one.is_deleted && (email.is_none() || one.email.as_deref() == email);
    let livemode = account.settings.livemode;
    let customers = account.customers.iter().rev().filter(fits);
    listing::page(
        form,
        "/v1/customers",
        "customer",
        customers,
        |one| &one.id,
        |one| one.resource(livemode),
    )
}

/// The price a request names.
fn named_price(account: &Account, form: &Form, name: &str) -> Result<Price, Refusal> {
    let price = form.required(name)?;
    account.price(price).cloned().ok_or_else(|| dangling("price", price, name))
}

/// How many of it a request asks for.
fn quantity(form: &Form, name: &str) -> Result<u32, Refusal> {
    let quantity = form.integer(name)?.unwrap_or(1);
    match u32::try_from(quantity) {
        Ok(quantity @ 1..=1000) => Ok(quantity),
        _ => Err(Refusal::invalid(name, "Invalid quantity: must be within 1 and 1000.")),
    }
}

/// The trial a request asks for, by its days or its end.
fn trial(form: &Form, days: &str, end: &str, now: i64) -> Result<Option<Trial>, Refusal> {
    match (form.integer(days)?, form.integer(end)?) {
        (Some(_), Some(_)) => {
            let message = format!("You can only provide one of {days} and {end}.");
            Err(Refusal::Impossible(message))
        }
        (Some(days @ 1..=LONGEST_TRIAL), None) => Ok(u32::try_from(days).ok().map(Trial::Days)),
        (Some(_), None) => {
            let message = format!("Invalid trial: must be within 1 and {LONGEST_TRIAL} days.");
            Err(Refusal::invalid(days, message))
        }
        (None, Some(at)) if at <= now || at > now + LONGEST_TRIAL * 86_400 => {
            let message = "Invalid trial: must end in the future, within two years.";
            Err(Refusal::invalid(end, message))
        }
        (None, at) => Ok(at.map(Trial::Until)),
    }
}

/// An absolute address.
fn address(form: &Form, name: &str) -> Result<Option<String>, Refusal> {
    let Some(address) = form.text(name) else { return Ok(None) };
    // The placeholder for the session's id has characters an address has not.
    let filled = address.replace(checkout::ID_PLACEHOLDER, "id");
    let is_valid =
        url::Url::parse(&filled).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_valid {
        Ok(Some(address.to_owned()))
    } else {
        Err(Refusal::ParameterInvalid {
            name: name.to_owned(),
            code: Some("url_invalid"),
            message: "Not a valid URL".to_owned(),
        })
    }
}

fn create_session(account: &mut Account, form: &Form, now: i64) -> Result<Value, Refusal> {
    form.ensure_known(&SESSION_PARAMETERS)?;
    form.choice("ui_mode", &[("hosted", ())])?;
    if form.choice("mode", &[("subscription", ())])?.is_none() {
        return Err(Refusal::ParameterMissing("mode".to_owned()));
    }
    let price = named_price(account, form, "line_items[0][price]")?;
    if form.text("line_items[1][price]").is_some() {
        let message = "This simulator sells one price at a time.";
        return Err(Refusal::invalid("line_items[1]", message));
    }
    let quantity = quantity(form, "line_items[0][quantity]")?;
    let success_url = address(form, "success_url")?;
    let success_url =
        success_url.ok_or_else(|| Refusal::ParameterMissing("success_url".to_owned()))?;
    let customer = form.text("customer").map(str::to_owned);
    let customer_email = form.text("customer_email").map(str::to_owned);
    if customer.is_some() && customer_email.is_some() {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(Refusal::Impossible(message.to_owned()));
    }
    if let Some(customer) = customer.as_ref().filter(|one| account.customer(one).is_none()) {
        return Err(dangling("customer", customer, "customer"));
    }
    let expires_at = form.integer("expires_at")?.unwrap_or(now + SESSION_TIME);
    if !(now + SHORTEST_SESSION..=now + SESSION_TIME).contains(&expires_at) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and less than 24 \
                       hours from Checkout Session creation.";
        return Err(Refusal::invalid("expires_at", message));
    }
    let without_card = "subscription_data[trial_settings][end_behavior][missing_payment_method]";
    let without_card = form.choice(without_card, &WithoutCard::CHOICES)?;
    let collection = [("always", true), ("if_required", false)];
    let (days, end) = ("subscription_data[trial_period_days]", "subscription_data[trial_end]");
    let mut metadata = BTreeMap::new();
    form.amend("metadata", &mut metadata)?;
    let mut subscription_metadata = BTreeMap::new();
    form.amend("subscription_data[metadata]", &mut subscription_metadata)?;

    let id = id("cs_test_");
    let session = Session {
        url: format!("{}/checkout/{id}", account.origin),
        id: id.clone(),
        created: now,
        expires_at,
        status: checkout::Status::Open,
        customer,
        customer_email,
        client_reference_id: form.text("client_reference_id").map(str::to_owned),
        price,
        quantity,
        trial: trial(form, days, end, now)?,
        without_card: without_card.unwrap_or(WithoutCard::CreateInvoice),
        always_card: form.choice("payment_method_collection", &collection)?.unwrap_or(true),
        success_url,
        cancel_url: address(form, "cancel_url")?,
        locale: form.text("locale").map(str::to_owned),
        metadata,
        subscription_metadata,
        subscription: None,
        invoice: None,
    };
    account.sessions.push(session);
    self::session(account, &id)
}

fn list_sessions(account: &Account, form: &Form) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&["customer", "subscription", "status"]))?;
    let (customer, subscription) = (form.text("customer"), form.text("subscription"));
    let status = form.choice("status", &checkout::Status::CHOICES)?;
    let fits = |one: &&Session| {
        (customer.is_none() || one.customer.as_deref() == customer)
            && (subscription.is_none() || one.subscription.as_deref() == subscription)
            && status.is_none_or(|status| one.status == status)
    };
    let found = account.sessions.iter().rev().filter(fits);
    listing::page(
        form,
        "/v1/checkout/sessions",
        "checkout.session",
        found,
        |one| &one.id,
        |one| account.session_resource(one),
    )
}

fn create_portal(account: &mut Account, form: &Form, now: i64) -> Result<Value, Refusal> {
    form.ensure_known(&["customer", "return_url", "locale", "configuration"])?;
    let customer = form.required("customer")?;
    if account.customer(customer).is_none() {
        return Err(dangling("customer", customer, "customer"));
    }
    let id = id("bps_");
    let portal = Portal {
        url: format!("{}/portal/{id}", account.origin),
        id,
        created: now,
        customer: customer.to_owned(),
        return_url: address(form, "return_url")?,
        locale: form.text("locale").map(str::to_owned),
    };
    account.portals.push(portal.clone());
    Ok(portal.resource(account.settings.livemode))
}

fn create_subscription(
    account: &mut Account,
    form: &Form,
    version: &Version,
    now: i64,
) -> Result<Value, Refusal> {
    form.ensure_known(&[
        "customer",
        "items[][price]",
        "items[][quantity]",
        "metadata[*]",
        "default_payment_method",
        "trial_period_days",
        "trial_end",
        "trial_settings[end_behavior][missing_payment_method]",
        "payment_behavior",
        "off_session",
    ])?;
    let customer = form.required("customer")?.to_owned();
    if account.customer(&customer).is_none() {
        return Err(dangling("customer", &customer, "customer"));
    }
    let price = named_price(account, form, "items[0][price]")?;
    let quantity = quantity(form, "items[0][quantity]")?;
    let card = form.text("default_payment_method").map(str::to_owned);
    let is_theirs =
        |card: &String| account.cards.iter().any(|one| one.id == *card && one.customer == customer);
    if let Some(card) = card.as_ref().filter(|card| !is_theirs(card)) {
        return Err(dangling("PaymentMethod", card, "default_payment_method"));
    }
    let trial = trial(form, "trial_period_days", "trial_end", now)?;
    let payments =
        [("allow_incomplete", FirstPayment::Tried), ("default_incomplete", FirstPayment::Later)];
    let payment = form.choice("payment_behavior", &payments)?.unwrap_or(FirstPayment::Tried);
    let without_card = "trial_settings[end_behavior][missing_payment_method]";
    let without_card = form.choice(without_card, &WithoutCard::CHOICES)?;
    let mut metadata = BTreeMap::new();
    form.amend("metadata", &mut metadata)?;
    let has_card =
        card.is_some() || account.customer(&customer).is_some_and(|one| one.default_card.is_some());
    if !has_card && trial.is_none() && payment == FirstPayment::Tried {
        let message = "This customer has no attached payment source or default payment method. \
                       Please consider adding a default payment method.";
        return Err(Refusal::Impossible(message.to_owned()));
    }
    let start = Start {
        customer,
        price,
        quantity,
        trial_end: trial.map(|trial| trial.end(now)),
        without_card: without_card.unwrap_or(WithoutCard::CreateInvoice),
        card,
        metadata,
    };
    let id = account.start_subscription(start, payment, now);
    subscription(account, version, &id)
}

fn list_subscriptions(account: &Account, form: &Form, version: &Version) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&["customer", "status", "price"]))?;
    let (customer, price) = (form.text("customer"), form.text("price"));
    if let Some(id) = customer
        && !account.customers.iter().any(|one| one.id == id)
    {
        return Err(dangling("customer", id, "customer"));
    }
    let is_all = form.text("status") == Some("all");
    let status = if is_all { None } else { form.choice("status", &Status::CHOICES)? };
    let fits = |one: &&super::Subscription| {
        customer.is_none_or(|id| one.customer == id)
            && price.is_none_or(|id| one.price.id == id)
            // Without a status, all come but what was cancelled.
            && (is_all || status.map_or(one.status != Status::Canceled, |is| one.status == is))
    };
    let livemode = account.settings.livemode;
    let found = account.subscriptions.iter().rev().filter(fits);
    listing::page(
        form,
        "/v1/subscriptions",
        "subscription",
        found,
        |one| &one.id,
        |one| one.resource(version, livemode),
    )
}

fn update_subscription(
    account: &mut Account,
    form: &Form,
    version: &Version,
    id: &str,
    now: i64,
) -> Result<Value, Refusal> {
    form.ensure_known(&[
        "cancel_at_period_end",
        "pause_collection",
        "pause_collection[behavior]",
        "pause_collection[resumes_at]",
        "metadata[*]",
        "default_payment_method",
        "proration_behavior",
        "cancellation_details[*]",
    ])?;
    let found = account.subscription(id).ok_or_else(|| missing("subscription", id))?;
    let is_only_metadata = form.pairs().iter().all(|(name, _)| name.starts_with("metadata"));
    if found.status.is_over() && !is_only_metadata {
        let message = "A canceled subscription can only update its cancellation_details and \
                       metadata.";
        return Err(Refusal::Impossible(message.to_owned()));
    }
    let mut changed = found.clone();
    form.amend("metadata", &mut changed.metadata)?;
    if let Some(card) = form.text("default_payment_method") {
        if !account.cards.iter().any(|one| one.id == card && one.customer == changed.customer) {
            return Err(dangling("PaymentMethod", card, "default_payment_method"));
        }
        changed.card = Some(card.to_owned());
    }
    let behavior = form.choice("pause_collection[behavior]", &PauseBehavior::CHOICES)?;
    let resumes_at = form.integer("pause_collection[resumes_at]")?;
    changed.pause = match (form.given("pause_collection"), behavior) {
        (Some(""), _) => None,
        (_, Some(behavior)) => Some(Pause { behavior, resumes_at }),
        (_, None) => changed.pause,
    };
    if let Some(ends) = form.boolean("cancel_at_period_end")? {
        changed.set_cancel_at_period_end(ends, now);
    }
    account.change_subscription(id, now, |one| *one = changed);
    subscription(account, version, id)
}

fn list_invoices(account: &Account, form: &Form, version: &Version) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&["customer", "subscription"]))?;
    let (customer, subscription) = (form.text("customer"), form.text("subscription"));
    let fits = |one: &&invoice::Invoice| {
        customer.is_none_or(|id| one.customer == id)
            && subscription.is_none_or(|id| one.subscription == id)
    };
    let livemode = account.settings.livemode;
    let found = account.invoices.iter().rev().filter(fits);
    listing::page(
        form,
        "/v1/invoices",
        "invoice",
        found,
        |one| &one.id,
        |one| one.resource(version, livemode),
    )
}

fn list_prices(account: &Account, form: &Form) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&["active", "type", "currency"]))?;
    // All prices are active and recur.
    let is_wanted = form.boolean("active")?.unwrap_or(true)
        && form.choice("type", &[("recurring", true), ("one_time", false)])?.unwrap_or(true);
    let currency = form.text("currency");
    let fits = |one: &&Price| is_wanted && currency.is_none_or(|code| one.currency == code);
    let livemode = account.settings.livemode;
    let found = account.prices.iter().filter(fits);
    listing::page(form, "/v1/prices", "price", found, |one| &one.id, |one| one.resource(livemode))
}

fn list_events(account: &Account, form: &Form, now: i64) -> Result<Value, Refusal> {
    form.ensure_known(&list_parameters(&[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "type",
        "types[]",
        "delivery_success",
    ]))?;
    let (at, after, since) =
        (form.integer("created")?, form.integer("created[gt]")?, form.integer("created[gte]")?);
    let (before, until) = (form.integer("created[lt]")?, form.integer("created[lte]")?);
    let delivered = form.boolean("delivery_success")?;
    let (kind, kinds) = (form.text("type"), form.list("types"));
    let is_kind = |kind: &str, name: &str| match kind.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == kind,
    };
    let is_delivered = |event: &str| {
        let mut theirs = account.deliveries.iter().filter(|one| one.event == event);
        theirs.any(|one| one.state == DeliveryState::Answered)
    };
    let fits = |one: &&super::Event| {
        one.created >= now - event::KEPT
            && at.is_none_or(|at| one.created == at)
            && after.is_none_or(|after| one.created > after)
            && since.is_none_or(|since| one.created >= since)
            && before.is_none_or(|before| one.created < before)
            && until.is_none_or(|until| one.created <= until)
            && kind.is_none_or(|kind| is_kind(kind, one.kind))
            && (kinds.is_empty() || kinds.iter().any(|kind| is_kind(kind, one.kind)))
            && delivered.is_none_or(|delivered| is_delivered(&one.id) == delivered)
    };
    let found = account.events.iter().rev().filter(fits);
    listing::page(
        form,
        "/v1/events",
        "event",
        found,
        |one| &one.id,
        |one| account.event_resource(one),
    )
}
