//! A made-up deployment, and requests that could reach it.
//!
//! Requests are whole: the bytes that go over the wire. So they cost nothing
//! while something is measured.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use form_urlencoded::Serializer;
use leadslock::{functions::table::Function, paths};
use secrecy::SecretString;
use trust::signatures;
use url::{Position, Url};

use crate::stand_in::StandIn;

/// Every variable a function reads, with a made-up value.
const VARIABLES: &str = include_str!("../../../.env.example");

/// An event as Stripe sends it when a subscription changes.
const EVENT: &str =
    include_str!("../../../tests/stripe/2026-07-29.dahlia/customer.subscription.updated.json");

/// The id of a text of ours, which a status is about.
const MESSAGE_ID: &str = "0198c5f2-7a3b-7c4d-8e5f-000000000001";

/// The variables of a function that has `stand_in` for its Supabase.
pub(super) fn variables(stand_in: &StandIn) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<_, _> = values()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let certificate = stand_in.certificate().map(|path| path.display().to_string());
    variables.extend(certificate.map(|path| ("LOCAL_CA_CERTIFICATE".to_owned(), path)));
    variables.insert("SUPABASE_URL".to_owned(), stand_in.url().to_string());
    // Production trusts neither plain HTTP nor a certificate made just now.
    variables.insert("VERCEL_ENV".to_owned(), "development".to_owned());
    // And production alone moves real money.
    variables.insert("STRIPE_SECRET_KEY".to_owned(), "sk_test_0".to_owned());
    variables
}

/// A text that arrives; each `number` gives another text.
pub(super) fn inbound(number: usize) -> Result<Vec<u8>> {
    let form = inbound_form(number)?;
    webhook(&format!("{}{}", origin()?, paths::SMS_INBOUND), &form)
}

/// The form of [`inbound`], with the fields Twilio sends.
pub(super) fn inbound_form(number: usize) -> Result<String> {
    let message_sid = format!("SM{number:032x}");
    let fields = [
        ("ToCountry", "CA"),
        ("ToState", "Quebec"),
        ("SmsMessageSid", &message_sid),
        ("NumMedia", "0"),
        ("ToCity", "Montréal"),
        ("FromZip", ""),
        ("SmsSid", &message_sid),
        ("FromState", "Quebec"),
        ("SmsStatus", "received"),
        ("FromCity", "Laval"),
        ("Body", "Hi! Do you have a table for two at 19:30 tonight? It's for Zoé's birthday 🎂"),
        ("FromCountry", "CA"),
        ("To", "+15145550100"),
        ("MessagingServiceSid", "MG00000000000000000000000000000003"),
        ("ToZip", ""),
        ("NumSegments", "2"),
        ("MessageSid", &message_sid),
        ("AccountSid", value("TWILIO_ACCOUNT_SID")?),
        ("From", "+15145550123"),
        ("ApiVersion", "2010-04-01"),
    ];
    Ok(Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// A report that a text was delivered.
pub(super) fn status() -> Result<Vec<u8>> {
    let message_sid = format!("SM{:032x}", 1);
    let fields = [
        ("SmsSid", message_sid.as_str()),
        ("SmsStatus", "delivered"),
        ("MessageStatus", "delivered"),
        ("To", "+15145550123"),
        ("MessageSid", &message_sid),
        ("AccountSid", value("TWILIO_ACCOUNT_SID")?),
        ("From", "+15145550100"),
        ("ApiVersion", "2010-04-01"),
    ];
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    webhook(&format!("{}{}?message={MESSAGE_ID}", origin()?, paths::SMS_STATUS), &form)
}

/// An event of Stripe's. It is signed as late as it may be, to be good for as
/// long as a benchmark takes.
pub(super) fn event() -> Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let late = now + signatures::stripe::TOLERANCE - 10;
    let signature = signatures::stripe::sign(&[webhook_secret()?], EVENT.as_bytes(), late);
    let request = format!(
        "POST {} HTTP/1.1\r\n\
         host: leadslock.example\r\n\
         content-type: application/json; charset=utf-8\r\n\
         content-length: {}\r\n\
         {}: {signature}\r\n\
         user-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n\
         accept: */*; q=0.5, application/xml\r\n\
         cache-control: no-cache\r\n\
         \r\n\
         {EVENT}",
        paths::STRIPE_EVENT,
        EVENT.len(),
        signatures::stripe::HEADER,
    );
    Ok(request.into_bytes())
}

/// A call of the scheduler's.
pub(super) fn scheduler() -> Result<Vec<u8>> {
    let (path, secret) = (paths::CRON_DELIVER, value("CRON_SECRET")?);
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: leadslock.example\r\nauthorization: Bearer {secret}\r\n\r\n"
    );
    Ok(head.into_bytes())
}

/// What a function may be asked first: what it is there for where that takes no more than a
/// stand-in for the database, else a request that it refuses.
pub(super) fn first_request(function: &Function) -> Result<Vec<u8>> {
    match function.path {
        paths::SMS_INBOUND => inbound(1),
        paths::SMS_STATUS => status(),
        paths::STRIPE_EVENT => event(),
        paths::CRON_DELIVER => scheduler(),
        paths::PAGE => Ok(hello()),
        path => Ok(format!("GET {path} HTTP/1.1\r\nhost: leadslock.example\r\n\r\n").into_bytes()),
    }
}

/// A request that says nothing.
pub(super) fn hello() -> Vec<u8> {
    b"GET / HTTP/1.1\r\nhost: leadslock.example\r\n\r\n".to_vec()
}

/// A POST of `form` to `url`, signed as Twilio does.
fn webhook(url: &str, form: &str) -> Result<Vec<u8>> {
    let url = Url::parse(url)?;
    let signature = signatures::twilio::sign(&auth_token()?, &url, form.as_bytes());
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let request = format!(
        "POST {target} HTTP/1.1\r\n\
         host: leadslock.example\r\n\
         content-type: application/x-www-form-urlencoded; charset=UTF-8\r\n\
         content-length: {}\r\n\
         {}: {signature}\r\n\
         user-agent: TwilioProxy/1.1\r\n\
         accept: */*\r\n\
         \r\n\
         {form}",
        form.len(),
        signatures::twilio::HEADER,
    );
    Ok(request.into_bytes())
}

/// The token that webhooks are signed with.
pub(super) fn auth_token() -> Result<SecretString> {
    Ok(value("TWILIO_AUTH_TOKEN")?.into())
}

/// The secret that events are signed with.
pub(super) fn webhook_secret() -> Result<SecretString> {
    Ok(value("STRIPE_WEBHOOK_SECRET")?.into())
}

/// The origin that Twilio calls.
pub(super) fn origin() -> Result<&'static str> {
    value("PUBLIC_BASE_URL")?.split(',').next().context("PUBLIC_BASE_URL has no origin")
}

fn value(name: &str) -> Result<&'static str> {
    let found = values().find(|(known, _)| *known == name);
    Ok(found.with_context(|| format!("{name} is not in .env.example"))?.1)
}

fn values() -> impl Iterator<Item = (&'static str, &'static str)> {
    VARIABLES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}
