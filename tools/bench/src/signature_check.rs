//! What it costs to know that a webhook is Twilio's, or Stripe's.

use std::{hint::black_box, time::Instant};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::http::{HeaderMap, HeaderValue};
use leadslock::paths;
use secrecy::ExposeSecret as _;
use sha1::Sha1;
use sha2::Sha256;
use trust::signatures::{
    self,
    twilio::{Verifier, form::Form},
};
use url::Url;

use super::{
    Extent, sample,
    statistics::Summary,
    table::{Table, cell},
};

/// How many checks a turn has.
const CHECKS: u32 = 200;

/// Checks one inbound text over and over: the whole check, the check of a text somebody else
/// signed, and the HMAC alone, whose key is ready and whose bytes are in place.
pub(super) fn of_text(extent: Extent) -> Result<String> {
    let token = sample::auth_token()?;
    let origin = Url::parse(sample::origin()?)?;
    let form = sample::inbound_form(1)?;
    let signed_url = origin.join(paths::SMS_INBOUND)?;
    let header = signatures::twilio::sign(&token, &signed_url, form.as_bytes());
    let foreign = signatures::twilio::sign(&"another token".into(), &signed_url, form.as_bytes());

    let verifier = Verifier::new(&[origin], std::slice::from_ref(&token));
    let verify = |header: &str| {
        let body = black_box(form.as_bytes());
        verifier.verify(paths::SMS_INBOUND, body, Some(header.as_bytes())).is_ok()
    };

    let fields = Form::parse(form.as_bytes());
    let mut signed = signed_url.as_str().as_bytes().to_vec();
    for (name, value) in fields.fields() {
        signed.extend_from_slice(name);
        signed.extend_from_slice(value);
    }
    let key = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes())
        .context("the token is no key")?;
    let digest = STANDARD.decode(&header)?;
    let raw = || key.clone().chain_update(black_box(&signed)).verify_slice(&digest).is_ok();

    ensure!(verify(&header) && raw() && !verify(&foreign), "the checks do not agree");
    let checks: [(&str, &dyn Fn() -> bool); 3] = [
        ("HMAC-SHA-1 alone", &raw),
        ("signature check", &|| verify(&header)),
        ("signature check, refused", &|| verify(&foreign)),
    ];

    let mut table = table();
    compare(extent, &mut table, &checks);
    let note = format!("  {} fields, {} bytes signed\n", fields.fields().count(), signed.len());
    Ok(table.to_string() + &note)
}

/// How much of an event there is: what most have, and far more than any has.
const EVENT_SIZES: [usize; 2] = [3_000, 200_000];

/// Checks events of Stripe's over and over: the whole check, and the HMAC alone.
pub(super) fn of_event(extent: Extent) -> Result<String> {
    const NOW: u64 = 1_792_774_577;
    let secret = sample::webhook_secret()?;
    let verifier = signatures::stripe::Verifier::new(std::slice::from_ref(&secret));
    let key = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .context("the secret is no key")?;

    let mut table = table();
    for size in EVENT_SIZES {
        let body = vec![b'x'; size];
        let header = signatures::stripe::sign(std::slice::from_ref(&secret), &body, NOW);
        let mut headers = HeaderMap::new();
        headers.insert(signatures::stripe::HEADER, HeaderValue::try_from(&header)?);
        let verify = || verifier.verify(&headers, black_box(&body), NOW).is_ok();

        let signed = [format!("{NOW}.").as_bytes(), &body].concat();
        let digest = key.clone().chain_update(&signed).finalize().into_bytes();
        let raw = || key.clone().chain_update(black_box(&signed)).verify_slice(&digest).is_ok();
        ensure!(verify() && raw(), "the checks do not agree");
        let names =
            [format!("HMAC-SHA-256 alone, {size} bytes"), format!("signature check, {size} bytes")];
        compare(extent, &mut table, &[(&names[0], &raw), (&names[1], &verify)]);
    }
    Ok(table.to_string())
}

fn table() -> Table<3> {
    Table::new(["", "ns/request", "ratio"])
}

/// Has each of `checks` take its turns, and compares them with the first.
fn compare(extent: Extent, table: &mut Table<3>, checks: &[(&str, &dyn Fn() -> bool)]) {
    let mut turns = vec![Vec::with_capacity(extent.checks); checks.len()];
    for _ in 0..extent.checks {
        for ((_, check), turns) in checks.iter().zip(&mut turns) {
            let begin = Instant::now();
            for _ in 0..CHECKS {
                black_box(check());
            }
            turns.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS));
        }
    }
    let Some(first) = turns.first() else { return };
    for ((name, _), turns) in checks.iter().zip(&turns) {
        let times = Summary::of(turns.iter().copied());
        let ratios = Summary::of(turns.iter().zip(first).map(|(check, raw)| check / raw));
        table.row([
            (*name).to_owned(),
            cell(times, |times| format!("{times:.0}")),
            cell(ratios, |ratios| format!("{ratios:.2}")),
        ]);
    }
}
