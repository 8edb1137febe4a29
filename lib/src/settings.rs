//! Settings: read once, all of them, before a function listens.
//!
//! Each function asks a [`Reader`] for the groups it needs. A fault does not
//! stop the reading, so that one message names everything that is wrong. No
//! message contains a value: most of them are secrets.
//!
//! An unset `VERCEL_ENV` means production: forgetting a variable must never
//! switch a check off.

use std::{cell::RefCell, net::IpAddr};

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use trust::signatures::twilio::sid::AccountSid;
use url::{Host, Url};

use crate::data::seal::Keyring;

/// Every variable a function may read, in the order of `.env.example`.
pub const VARIABLES: [&str; 28] = [
    "VERCEL_ENV",
    "PUBLIC_BASE_URL",
    "SUPABASE_URL",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_JWT_SECRET",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_AUTH_TOKEN_NEXT",
    "TWILIO_API_KEY_SID",
    "TWILIO_API_KEY_SECRET",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_PRICES",
    "STRIPE_TRIAL_DAYS",
    "STRIPE_PORTAL_CONFIGURATION",
    "GROQ_API_KEY",
    "GROQ_MODELS",
    "CRON_SECRET",
    "SUPPRESSION_KEY",
    "PAGE_KEY",
    "SUPPORT_EMAIL",
    "SECURITY_EMAIL",
    "BACKUP_KEYS",
    "TWILIO_API_URL",
    "STRIPE_API_URL",
    "GROQ_API_URL",
    "LOCAL_CA_CERTIFICATE",
];

/// The one host Twilio's API redirects to for media, while HTTP authentication
/// on media URLs is on, as it must be (README). Without it the redirect is to an
/// S3 host that all the world's buckets share.
/// <https://help.twilio.com/articles/223183748>
const TWILIO_MEDIA: &str = "https://mms.twiliocdn.com";

/// What is wrong with the settings, one sentence for each fault.
#[derive(PartialEq, Eq, Error)]
#[error("the settings are not usable: {}", .0.join("; "))]
pub struct SettingsError(pub Vec<String>);

impl std::fmt::Debug for SettingsError {
    /// The sentence itself: it is what the runtime prints when `main` returns it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Where Supabase is and how we show who we are.
#[derive(Debug)]
pub struct Supabase {
    /// The project's URL.
    pub url: Url,
    /// An `sb_secret_…` key, sent as `apikey`.
    pub secret_key: SecretString,
}

/// Where Supabase is, and the key with which anybody may knock there.
#[derive(Debug)]
pub struct Publishable {
    /// The project's URL.
    pub url: Url,
    /// An `sb_publishable_…` key, sent as `apikey`. No secret: what it opens, an
    /// owner's token decides.
    pub key: String,
}

/// Whom people can write to; it is on the pages.
#[derive(Debug, Clone)]
pub struct Contacts {
    /// For questions and wishes.
    pub support: String,
    /// For what is wrong with the security.
    pub security: String,
}

/// What it takes to know an access token of Supabase Auth.
#[derive(Debug)]
pub struct AccessTokens {
    /// The project's URL, by which it calls itself in its tokens.
    pub url: Url,
    /// What a project signs with that has no signing keys yet.
    pub legacy_secret: Option<SecretString>,
}

impl AccessTokens {
    /// Who the tokens say they are of.
    pub fn issuer(&self) -> String {
        format!("{}/auth/v1", self.url.as_str().trim_end_matches('/'))
    }
}

/// What it takes to know a webhook of Twilio's.
#[derive(Debug)]
pub struct TwilioWebhooks {
    /// The account the webhooks must be of.
    pub account_sid: AccountSid,
    /// The public origins Twilio calls; the first is the canonical one.
    pub public_origins: Vec<Url>,
    /// The auth token, and during rotation the next one.
    pub auth_tokens: Vec<SecretString>,
}

/// What it takes to call Twilio.
#[derive(Debug)]
pub struct TwilioApi {
    /// The API's base URL.
    pub url: Url,
    /// Where the API sends on who fetches a picture.
    pub media_url: Url,
    /// The account that sends.
    pub account_sid: AccountSid,
    /// The API key's public half (`SK…`).
    pub key_sid: String,
    /// The API key's secret half.
    pub key_secret: SecretString,
}

/// What it takes to call Stripe.
#[derive(Debug)]
pub struct StripeApi {
    /// The API's base URL.
    pub url: Url,
    /// A secret or restricted key: of live mode in production, else of test mode.
    pub secret_key: SecretString,
}

/// What shops can subscribe to.
#[derive(Debug)]
pub struct StripeOffer {
    /// The plans, at least one.
    pub plans: Vec<Plan>,
    /// How long a first subscription is for nothing.
    pub trial_days: u32,
    /// Which of the account's portal configurations is used, if not its default.
    pub portal_configuration: Option<String>,
}

/// A plan.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// What we call it.
    pub name: String,
    /// What Stripe calls its price.
    pub price_id: String,
}

/// The longest trial Stripe takes.
/// <https://docs.stripe.com/api/checkout/sessions/create>
const MAX_TRIAL_DAYS: u32 = 730;

/// What it takes to know a webhook of Stripe's.
#[derive(Debug)]
pub struct StripeWebhooks {
    /// The endpoints' secrets, several while one is being rolled.
    pub secrets: Vec<SecretString>,
    /// Whether events are about real money.
    pub livemode: bool,
}

/// What it takes to call Groq.
#[derive(Debug)]
pub struct Groq {
    /// The API's base URL.
    pub url: Url,
    /// A `gsk_…` key.
    pub api_key: SecretString,
    /// Model ids in order of preference.
    pub models: Vec<String>,
}

/// Reads variables and collects what is wrong with them.
pub struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    /// Reads through `lookup`, which returns a variable's value by its name.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, faults: RefCell::default() }
    }

    /// Reads the process's own environment.
    pub fn process() -> Reader<'static> {
        Reader::new(&|name| std::env::var(name).ok())
    }

    /// `Ok(value)` if nothing was wrong in anything read so far.
    ///
    /// A group with a fault has no value, so `value` is an [`Option`] made of
    /// all groups, in the way of `Some((a?, b?))`.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match value {
            Some(value) if self.faults.borrow().is_empty() => Ok(value),
            _ => Err(SettingsError(self.faults.into_inner())),
        }
    }

    /// Whether real people's data may be at stake.
    pub fn is_production(&self) -> bool {
        !matches!(self.optional("VERCEL_ENV").as_deref(), Some("development" | "preview"))
    }

    /// Reads `SUPABASE_URL` and `SUPABASE_SECRET_KEY`.
    pub fn supabase(&self) -> Option<Supabase> {
        let url = self.supabase_url();
        let secret_key = self.secret("SUPABASE_SECRET_KEY");
        Some(Supabase { url: url?, secret_key: secret_key? })
    }

    /// Reads what [`Publishable`] holds.
    pub fn publishable(&self) -> Option<Publishable> {
        let url = self.supabase_url();
        let key = self.secret("SUPABASE_PUBLISHABLE_KEY")?.expose_secret().to_owned();
        if key.starts_with("sb_secret_") {
            self.fault("SUPABASE_PUBLISHABLE_KEY is a secret key");
            return None;
        }
        Some(Publishable { url: url?, key })
    }

    /// Reads what [`Contacts`] holds.
    pub fn contacts(&self) -> Option<Contacts> {
        let support = self.email("SUPPORT_EMAIL");
        let security = self.email("SECURITY_EMAIL");
        Some(Contacts { support: support?, security: security? })
    }

    /// An address that can stand in a `mailto:` as it is.
    fn email(&self, name: &str) -> Option<String> {
        let value = self.required(name)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
        let is_address = value.bytes().all(is_plain)
            && value.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && host.contains('.') && !host.contains('@')
            });
        if !is_address {
            self.fault(&format!("{name} is not an e-mail address"));
            return None;
        }
        Some(value)
    }

    /// The key that proves that forms are ours (at least 32 characters).
    pub fn page_key(&self) -> Option<SecretString> {
        self.long_secret("PAGE_KEY", 32)
    }

    /// Reads what [`AccessTokens`] holds.
    pub fn access_tokens(&self) -> Option<AccessTokens> {
        let url = self.supabase_url();
        // RFC 7518, section 3.2, asks for as much as the hash has.
        let legacy_secret = match self.optional("SUPABASE_JWT_SECRET") {
            Some(_) => self.long_secret("SUPABASE_JWT_SECRET", 32).map(Some),
            None => Some(None),
        };
        Some(AccessTokens { url: url?, legacy_secret: legacy_secret? })
    }

    /// Reads what [`TwilioWebhooks`] holds.
    pub fn twilio_webhooks(&self) -> Option<TwilioWebhooks> {
        let account_sid = self.account_sid();
        let public_origins = self.public_origins();
        let auth_token = self.secret("TWILIO_AUTH_TOKEN");
        let next = self.optional("TWILIO_AUTH_TOKEN_NEXT").map(SecretString::from);
        Some(TwilioWebhooks {
            account_sid: account_sid?,
            public_origins: public_origins?,
            auth_tokens: std::iter::once(auth_token?).chain(next).collect(),
        })
    }

    /// Reads what [`TwilioApi`] holds.
    pub fn twilio_api(&self) -> Option<TwilioApi> {
        let url = self.provider_url("TWILIO_API_URL", "https://api.twilio.com");
        let account_sid = self.account_sid();
        let key_sid = self.required("TWILIO_API_KEY_SID");
        let key_secret = self.secret("TWILIO_API_KEY_SECRET");
        // A stand-in for Twilio keeps the pictures too.
        let media_url = match self.optional("TWILIO_API_URL") {
            Some(_) => url.clone(),
            None => Url::parse(TWILIO_MEDIA).ok(),
        };
        Some(TwilioApi {
            url: url?,
            media_url: media_url?,
            account_sid: account_sid?,
            key_sid: key_sid?,
            key_secret: key_secret?,
        })
    }

    /// Reads what [`StripeApi`] holds.
    pub fn stripe_api(&self) -> Option<StripeApi> {
        let url = self.provider_url("STRIPE_API_URL", "https://api.stripe.com");
        let secret_key = self.stripe_key();
        Some(StripeApi { url: url?, secret_key: secret_key? })
    }

    /// Reads what [`StripeOffer`] holds.
    pub fn stripe_offer(&self) -> Option<StripeOffer> {
        let plans = self.plans();
        let trial_days = self.trial_days();
        let portal_configuration = self.optional("STRIPE_PORTAL_CONFIGURATION");
        Some(StripeOffer { plans: plans?, trial_days: trial_days?, portal_configuration })
    }

    fn plans(&self) -> Option<Vec<Plan>> {
        let items = self.list("STRIPE_PRICES")?;
        let plan = |item: &String| {
            let (name, price_id) = item.split_once('=')?;
            let (name, price_id) = (name.trim().to_owned(), price_id.trim().to_owned());
            let is_good = !name.is_empty() && price_id.starts_with("price_");
            is_good.then_some(Plan { name, price_id })
        };
        let plans: Option<Vec<Plan>> = items.iter().map(plan).collect();
        if plans.is_none() {
            self.fault("STRIPE_PRICES is not a list of NAME=price_…");
        }
        plans
    }

    fn trial_days(&self) -> Option<u32> {
        let Some(text) = self.optional("STRIPE_TRIAL_DAYS") else { return Some(0) };
        let days = text.parse().ok().filter(|days| *days <= MAX_TRIAL_DAYS);
        if days.is_none() {
            self.fault(&format!("STRIPE_TRIAL_DAYS is no number up to {MAX_TRIAL_DAYS}"));
        }
        days
    }

    /// Reads what [`StripeWebhooks`] holds.
    pub fn stripe_webhooks(&self) -> Option<StripeWebhooks> {
        let secrets = self.list("STRIPE_WEBHOOK_SECRET")?;
        // The prefix is a part of the key.
        let is_secret = |secret: &String| {
            secret.starts_with("whsec_") && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !secrets.iter().all(is_secret) {
            self.fault("STRIPE_WEBHOOK_SECRET holds what is no webhook secret (whsec_…)");
            return None;
        }
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        Some(StripeWebhooks { secrets, livemode: self.is_production() })
    }

    /// Reads what [`Groq`] holds.
    pub fn groq(&self) -> Option<Groq> {
        let url = self.provider_url("GROQ_API_URL", "https://api.groq.com");
        let api_key = self.secret("GROQ_API_KEY");
        let models = self.list("GROQ_MODELS");
        Some(Groq { url: url?, api_key: api_key?, models: models? })
    }

    /// The public origins of the deployment, the canonical one first.
    pub fn public_origins(&self) -> Option<Vec<Url>> {
        let origins = self.list("PUBLIC_BASE_URL")?;
        let urls: Vec<_> = origins
            .iter()
            .filter_map(|text| self.base_url("PUBLIC_BASE_URL", text))
            .filter(|url| {
                let is_origin = url.path() == "/";
                if !is_origin {
                    self.fault("PUBLIC_BASE_URL holds a URL with a path; it takes origins only");
                }
                is_origin
            })
            .collect();
        (urls.len() == origins.len()).then_some(urls)
    }

    /// The secret Vercel's scheduler shows (at least 16 characters).
    pub fn cron_secret(&self) -> Option<SecretString> {
        self.long_secret("CRON_SECRET", 16)
    }

    /// The key of the HMAC under which opt-outs are kept (at least 32 characters).
    pub fn suppression_key(&self) -> Option<SecretString> {
        self.long_secret("SUPPRESSION_KEY", 32)
    }

    /// The keys that wrap the keys of sealed backups.
    pub fn backup_keys(&self) -> Option<Keyring> {
        let keys = self.secret("BACKUP_KEYS")?;
        match Keyring::parse(keys.expose_secret()) {
            Ok(keyring) => Some(keyring),
            Err(fault) => {
                self.fault(&format!("BACKUP_KEYS {fault}"));
                None
            }
        }
    }

    /// A PEM file with a certificate to trust besides the web's roots, outside
    /// production only: a stand-in for a provider speaks TLS too.
    pub fn local_ca_certificate(&self) -> Option<String> {
        let path = self.local_only("LOCAL_CA_CERTIFICATE")?;
        let pem = std::fs::read_to_string(path).ok();
        if pem.is_none() {
            self.fault("LOCAL_CA_CERTIFICATE names a file that cannot be read");
        }
        pem
    }

    fn supabase_url(&self) -> Option<Url> {
        let text = self.required("SUPABASE_URL")?;
        self.base_url("SUPABASE_URL", &text)
    }

    fn account_sid(&self) -> Option<AccountSid> {
        let text = self.required("TWILIO_ACCOUNT_SID")?;
        let sid = AccountSid::parse(&text);
        if sid.is_none() {
            self.fault("TWILIO_ACCOUNT_SID is not AC and 32 hexadecimal digits");
        }
        sid
    }

    /// Real money moves in production and nowhere else.
    fn stripe_key(&self) -> Option<SecretString> {
        let key = self.secret("STRIPE_SECRET_KEY")?;
        let (mode, fault) = if self.is_production() {
            ("live", "STRIPE_SECRET_KEY is no key of live mode, which production needs")
        } else {
            ("test", "STRIPE_SECRET_KEY is no key of test mode, which all but production need")
        };
        let is_of_mode = |kind: &str| key.expose_secret().starts_with(&format!("{kind}_{mode}_"));
        if !is_of_mode("sk") && !is_of_mode("rk") {
            self.fault(fault);
            return None;
        }
        Some(key)
    }

    fn optional(&self, name: &str) -> Option<String> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not in VARIABLES");
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(&format!("{name} is not set"));
        }
        value
    }

    fn secret(&self, name: &str) -> Option<SecretString> {
        self.long_secret(name, 1)
    }

    /// A secret that can stand in a header.
    fn long_secret(&self, name: &str, min_chars: usize) -> Option<SecretString> {
        let value = self.required(name)?;
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.fault(&format!("{name} holds characters that no key has"));
            return None;
        }
        if value.len() < min_chars {
            self.fault(&format!("{name} is shorter than {min_chars} characters"));
            return None;
        }
        Some(value.into())
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        let value = self.required(name)?;
        let items: Vec<_> = value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect();
        if items.is_empty() {
            self.fault(&format!("{name} lists nothing"));
            return None;
        }
        Some(items)
    }

    /// A variable that only the local stack and tests may set.
    fn local_only(&self, name: &str) -> Option<String> {
        let value = self.optional(name)?;
        if self.is_production() {
            self.fault(&format!("{name} may not be set in production"));
            return None;
        }
        Some(value)
    }

    fn provider_url(&self, name: &str, default: &str) -> Option<Url> {
        if self.optional(name).is_some() {
            let text = self.local_only(name)?;
            return self.base_url(name, &text);
        }
        Url::parse(default).ok()
    }

    /// An https URL, or outside production an http one on this machine.
    fn base_url(&self, name: &str, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok().filter(|url| {
            url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let Some(url) = url else {
            self.fault(&format!("{name} is not a plain URL"));
            return None;
        };
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => !self.is_production() && is_loopback(&url),
            _ => false,
        };
        if !is_safe {
            self.fault(&format!("{name} is not an https URL"));
            return None;
        }
        Some(url)
    }

    /// Notes that something is wrong with the settings, in a sentence without values.
    pub(crate) fn fault(&self, text: &str) {
        let mut faults = self.faults.borrow_mut();
        // Two groups may read one variable; its fault is told once.
        if !faults.iter().any(|fault| fault == text) {
            faults.push(text.to_owned());
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 9] = [
        ("PUBLIC_BASE_URL", "https://leadslock.example, https://leadslock.vercel.app"),
        ("SUPABASE_URL", "https://project.supabase.co"),
        ("SUPABASE_SECRET_KEY", "sb_secret_fake"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000000"),
        ("TWILIO_AUTH_TOKEN", "token"),
        ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000000"),
        ("TWILIO_API_KEY_SECRET", "secret"),
        ("GROQ_API_KEY", "gsk_fake"),
        ("GROQ_MODELS", "a, b"),
    ];

    type All = (Supabase, TwilioWebhooks, TwilioApi, Groq);

    fn read(changes: &[(&str, &str)]) -> Result<All, SettingsError> {
        let lookup = |name: &str| {
            let all = changes.iter().rev().chain(&GOOD);
            all.clone().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let reader = Reader::new(&lookup);
        let groups =
            (reader.supabase(), reader.twilio_webhooks(), reader.twilio_api(), reader.groq());
        let all = match groups {
            (Some(a), Some(b), Some(c), Some(d)) => Some((a, b, c, d)),
            _ => None,
        };
        reader.finish(all)
    }

    #[track_caller]
    fn check(changes: &[(&str, &str)], want: &[&str]) {
        let faults = read(changes).map(|_| ()).unwrap_err().0;
        assert_eq!(faults, want);
    }

    #[test]
    fn good_settings_are_read() {
        let (supabase, webhooks, api, groq) = read(&[]).unwrap();
        assert_eq!(supabase.secret_key.expose_secret(), "sb_secret_fake");
        assert_eq!(webhooks.public_origins.len(), 2);
        assert_eq!(webhooks.auth_tokens.len(), 1);
        assert_eq!(api.url.as_str(), "https://api.twilio.com/");
        assert_eq!(api.media_url.as_str(), "https://mms.twiliocdn.com/");
        assert_eq!(groq.models, ["a", "b"]);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        check(
            &[
                ("SUPABASE_URL", ""),
                ("SUPABASE_SECRET_KEY", " "),
                ("TWILIO_ACCOUNT_SID", "AC1"),
                ("GROQ_MODELS", ","),
            ],
            &[
                "SUPABASE_URL is not set",
                "SUPABASE_SECRET_KEY is not set",
                "TWILIO_ACCOUNT_SID is not AC and 32 hexadecimal digits",
                "GROQ_MODELS lists nothing",
            ],
        );
    }

    #[test]
    fn what_only_the_local_stack_may_do_is_refused_in_production() {
        let loopback = ("TWILIO_API_URL", "http://127.0.0.1:3001/twilio");
        let refused = ["TWILIO_API_URL may not be set in production"];
        check(&[loopback], &refused);
        check(&[loopback, ("VERCEL_ENV", "production")], &refused);
        check(&[loopback, ("VERCEL_ENV", "Development")], &refused);
        check(&[("SUPABASE_URL", "http://127.0.0.1:3002")], &["SUPABASE_URL is not an https URL"]);

        let (_, _, api, _) = read(&[loopback, ("VERCEL_ENV", "development")]).unwrap();
        assert_eq!(api.url.as_str(), "http://127.0.0.1:3001/twilio");
        assert_eq!(api.media_url.origin(), api.url.origin());
    }

    #[test]
    fn plain_http_never_leaves_the_machine() {
        let development = ("VERCEL_ENV", "development");
        for url in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
        ] {
            check(&[development, ("GROQ_API_URL", url)], &["GROQ_API_URL is not an https URL"]);
        }
        for url in ["https://u:p@x.example", "not a url", "https://x.example/?a=b", "file:///etc"] {
            check(&[development, ("GROQ_API_URL", url)], &["GROQ_API_URL is not a plain URL"]);
        }
    }

    #[test]
    fn a_base_url_with_a_path_is_no_origin() {
        check(
            &[("PUBLIC_BASE_URL", "https://x.example/app")],
            &["PUBLIC_BASE_URL holds a URL with a path; it takes origins only"],
        );
    }

    #[track_caller]
    fn check_stripe(environment: &str, key: &str, secrets: &str, want: Result<usize, &[&str]>) {
        let lookup = |name: &str| {
            let value = match name {
                "VERCEL_ENV" => environment,
                "STRIPE_SECRET_KEY" => key,
                "STRIPE_WEBHOOK_SECRET" => secrets,
                _ => return None,
            };
            Some(value.to_owned())
        };
        let reader = Reader::new(&lookup);
        let settings = (reader.stripe_api(), reader.stripe_webhooks());
        let settings = reader.finish(settings.0.zip(settings.1));
        match (settings, want) {
            (Ok((api, webhooks)), Ok(count)) => {
                assert_eq!(api.url.as_str(), "https://api.stripe.com/");
                assert_eq!(webhooks.secrets.len(), count);
                assert_eq!(webhooks.livemode, environment == "production");
                assert!(!format!("{api:?} {webhooks:?}").contains("canary"));
            }
            (Err(faults), Err(want)) => assert_eq!(faults.0, want),
            (settings, want) => panic!("{settings:?} and not {want:?}"),
        }
    }

    #[test]
    fn real_money_moves_in_production_only() {
        let secret = "whsec_canary";
        check_stripe("production", "sk_live_canary", secret, Ok(1));
        check_stripe("production", "rk_live_canary", secret, Ok(1));
        check_stripe("preview", "sk_test_canary", secret, Ok(1));
        let want = ["STRIPE_SECRET_KEY is no key of live mode, which production needs"];
        check_stripe("production", "sk_test_canary", secret, Err(&want));
        check_stripe("", "rk_test_canary", secret, Err(&want));
        let want = ["STRIPE_SECRET_KEY is no key of test mode, which all but production need"];
        check_stripe("preview", "sk_live_canary", secret, Err(&want));
        check_stripe("development", "pk_test_canary", secret, Err(&want));
    }

    #[track_caller]
    fn check_offer(prices: &str, trial_days: &str, want: Result<(&[&str], u32), &str>) {
        let lookup = |name: &str| match name {
            "STRIPE_PRICES" => Some(prices.to_owned()),
            "STRIPE_TRIAL_DAYS" => Some(trial_days.to_owned()),
            _ => None,
        };
        let reader = Reader::new(&lookup);
        let offer = reader.stripe_offer();
        match (reader.finish(offer), want) {
            (Ok(offer), Ok((plans, trial_days))) => {
                let found: Vec<_> = offer
                    .plans
                    .iter()
                    .map(|plan| format!("{} {}", plan.name, plan.price_id))
                    .collect();
                assert_eq!(
                    (found, offer.trial_days),
                    (plans.iter().map(ToString::to_string).collect(), trial_days)
                );
            }
            (Err(faults), Err(want)) => assert_eq!(faults.0, [want]),
            (offer, want) => panic!("{offer:?} and not {want:?}"),
        }
    }

    #[test]
    fn an_offer_is_a_list_of_plans_and_a_trial() {
        check_offer("a=price_1", "", Ok((&["a price_1"], 0)));
        check_offer("a=price_1, b = price_2", "14", Ok((&["a price_1", "b price_2"], 14)));
        check_offer("a=price_1", "730", Ok((&["a price_1"], 730)));
        for prices in ["price_1", "a=", "=price_1", "a=prod_1", "a=price_1,b"] {
            check_offer(prices, "", Err("STRIPE_PRICES is not a list of NAME=price_…"));
        }
        for days in ["731", "-1", "a", "1.5"] {
            check_offer("a=price_1", days, Err("STRIPE_TRIAL_DAYS is no number up to 730"));
        }
    }

    #[test]
    fn webhook_secrets_are_told_from_what_is_none() {
        let check = |secrets, want| check_stripe("preview", "sk_test_x", secrets, want);
        check("whsec_a,whsec_canary", Ok(2));
        // Spaces and line ends around a secret are no part of it.
        check(" whsec_a ,\twhsec_canary\n", Ok(2));
        let want = ["STRIPE_WEBHOOK_SECRET holds what is no webhook secret (whsec_…)"];
        for secrets in ["whsec_a whsec_b", "whsec_a\nwhsec_b", "a", "whsec_a,b", "WHSEC_a"] {
            check(secrets, Err(&want));
        }
        check(",", Err(&["STRIPE_WEBHOOK_SECRET lists nothing"]));
        check("", Err(&["STRIPE_WEBHOOK_SECRET is not set"]));
    }

    #[test]
    fn short_secrets_are_refused() {
        let reader = Reader::new(&|_| Some("short".to_owned()));
        assert!(reader.cron_secret().is_none() && reader.suppression_key().is_none());
        assert_eq!(
            reader.finish(None::<()>).unwrap_err().0,
            [
                "CRON_SECRET is shorter than 16 characters",
                "SUPPRESSION_KEY is shorter than 32 characters"
            ]
        );
    }

    #[test]
    fn backup_keys_are_named_but_never_shown() {
        let read = |keys: &str| {
            let keys = keys.to_owned();
            let lookup = |name: &str| (name == "BACKUP_KEYS").then(|| keys.clone());
            let reader = Reader::new(&lookup);
            let keyring = reader.backup_keys();
            reader.finish(keyring)
        };
        let key = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert_eq!(format!("{:?}", read(key).unwrap()), r#"["a"]"#);
        for (keys, want) in [
            ("", "BACKUP_KEYS is not set"),
            (
                "canary",
                "BACKUP_KEYS holds what is no ID:KEY (an id of a-z, 0-9 and -, and base64 of 32 bytes)",
            ),
            (&format!("{key},{key}"), "BACKUP_KEYS has two keys of one id"),
        ] {
            assert_eq!(read(keys).unwrap_err().0, [want]);
        }
    }

    #[test]
    fn the_legacy_secret_of_tokens_may_be_left_out_but_not_be_short() {
        let read = |secret: &str| {
            let lookup = |name: &str| match name {
                "SUPABASE_URL" => Some("https://project.supabase.co".to_owned()),
                "SUPABASE_JWT_SECRET" => Some(secret.to_owned()),
                _ => None,
            };
            let reader = Reader::new(&lookup);
            let tokens = reader.access_tokens();
            reader.finish(tokens)
        };
        let without = read("").unwrap();
        assert_eq!(without.issuer(), "https://project.supabase.co/auth/v1");
        assert!(without.legacy_secret.is_none());
        let canary = "canary".repeat(6);
        let with = read(&canary).unwrap();
        assert_eq!(with.legacy_secret.as_ref().unwrap().expose_secret(), canary);
        assert!(!format!("{with:?}").contains("canary"));
        let short = read("canary").unwrap_err().0;
        assert_eq!(short, ["SUPABASE_JWT_SECRET is shorter than 32 characters"]);
    }

    #[test]
    fn a_secret_key_is_not_taken_for_a_publishable_one() {
        let read = |key: &str| {
            let lookup = |name: &str| match name {
                "SUPABASE_URL" => Some("https://project.supabase.co".to_owned()),
                "SUPABASE_PUBLISHABLE_KEY" => Some(key.to_owned()),
                _ => None,
            };
            let reader = Reader::new(&lookup);
            let publishable = reader.publishable();
            reader.finish(publishable).map(|publishable| publishable.key)
        };
        assert_eq!(read("sb_publishable_fake").as_deref(), Ok("sb_publishable_fake"));
        for (key, fault) in [
            ("sb_secret_fake", "SUPABASE_PUBLISHABLE_KEY is a secret key"),
            ("", "SUPABASE_PUBLISHABLE_KEY is not set"),
        ] {
            assert_eq!(read(key), Err(SettingsError(vec![fault.to_owned()])));
        }
    }

    #[test]
    fn no_message_and_no_debug_output_contains_a_value() {
        let error = read(&[("SUPABASE_URL", "canary")]).map(|_| ()).unwrap_err();
        assert!(!error.to_string().contains("canary"));
        let (supabase, webhooks, api, groq) =
            read(&[("SUPABASE_SECRET_KEY", "canary"), ("TWILIO_AUTH_TOKEN", "canary")]).unwrap();
        assert!(!format!("{supabase:?} {webhooks:?} {api:?} {groq:?}").contains("canary"));
    }
}
