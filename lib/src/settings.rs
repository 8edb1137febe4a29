//! Settings: read once, all of them, before a function listens.
//!
//! Each function asks a [`Reader`] for the groups it needs. A fault does not
//! stop the reading, so that one message names everything that is wrong. No
//! message contains a value: most of them are secrets.
//!
//! An unset `VERCEL_ENV` means production: forgetting a variable must never
//! switch a check off.

use std::{cell::RefCell, net::IpAddr};

use secrecy::SecretString;
use thiserror::Error;
use url::{Host, Url};

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
    "CSRF_KEY",
    "SUPPORT_EMAIL",
    "SECURITY_EMAIL",
    "BACKUP_KEYS",
    "TWILIO_API_URL",
    "STRIPE_API_URL",
    "GROQ_API_URL",
    "LOCAL_CA_CERTIFICATE",
];

/// A group of variables that are read together. Which function reads which groups is
/// said in [`crate::functions::table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The keys that wrap the keys of sealed backups.
    BackupKeys,
    /// Whom people can write to.
    Contacts,
    /// What Vercel's scheduler shows.
    CronSecret,
    /// What proves that a form is ours.
    CsrfKey,
    /// The models.
    Groq,
    /// The public origins of the deployment.
    PublicOrigins,
    /// The project of Supabase, and the key that opens it.
    Supabase,
    /// The project, and the key that anybody may have.
    Publishable,
    /// What access tokens are verified with.
    AccessTokens,
    /// What it takes to call Stripe.
    StripeApi,
    /// What shops can subscribe to.
    StripeOffer,
    /// What it takes to know a webhook of Stripe's.
    StripeWebhooks,
    /// The key of the HMAC under which opt-outs are kept.
    SuppressionKey,
    /// What it takes to call Twilio.
    TwilioApi,
    /// What it takes to know a webhook of Twilio's.
    TwilioWebhooks,
}

impl Group {
    /// The variables of the group.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::BackupKeys => &["BACKUP_KEYS"],
            Self::Contacts => &["SUPPORT_EMAIL", "SECURITY_EMAIL"],
            Self::CronSecret => &["CRON_SECRET"],
            Self::CsrfKey => &["CSRF_KEY"],
            Self::Groq => &["GROQ_API_URL", "GROQ_API_KEY", "GROQ_MODELS"],
            Self::PublicOrigins => &["PUBLIC_BASE_URL"],
            Self::Supabase => &["SUPABASE_URL", "SUPABASE_SECRET_KEY"],
            Self::Publishable => &["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"],
            Self::AccessTokens => &["SUPABASE_URL", "SUPABASE_JWT_SECRET"],
            Self::StripeApi => &["STRIPE_API_URL", "STRIPE_SECRET_KEY"],
            Self::StripeOffer => {
                &["STRIPE_PRICES", "STRIPE_TRIAL_DAYS", "STRIPE_PORTAL_CONFIGURATION"]
            }
            Self::StripeWebhooks => &["STRIPE_WEBHOOK_SECRET"],
            Self::SuppressionKey => &["SUPPRESSION_KEY"],
            Self::TwilioApi => &[
                "TWILIO_API_URL",
                "TWILIO_ACCOUNT_SID",
                "TWILIO_API_KEY_SID",
                "TWILIO_API_KEY_SECRET",
            ],
            Self::TwilioWebhooks => &[
                "PUBLIC_BASE_URL",
                "TWILIO_ACCOUNT_SID",
                "TWILIO_AUTH_TOKEN",
                "TWILIO_AUTH_TOKEN_NEXT",
            ],
        }
    }
}

/// What every function reads, whatever else.
pub const EVERYWHERE: [&str; 2] = ["VERCEL_ENV", "LOCAL_CA_CERTIFICATE"];

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

    /// The key of the HMAC under which opt-outs are kept (at least 32 characters).
    pub fn suppression_key(&self) -> Option<SecretString> {
        self.long_secret("SUPPRESSION_KEY", 32)
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

    pub(crate) fn supabase_url(&self) -> Option<Url> {
        let text = self.required("SUPABASE_URL")?;
        self.base_url("SUPABASE_URL", &text)
    }

    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not in VARIABLES");
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(&format!("{name} is not set"));
        }
        value
    }

    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.long_secret(name, 1)
    }

    /// A secret that can stand in a header.
    pub(crate) fn long_secret(&self, name: &str, min_chars: usize) -> Option<SecretString> {
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

    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
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
    pub(crate) fn local_only(&self, name: &str) -> Option<String> {
        let value = self.optional(name)?;
        if self.is_production() {
            self.fault(&format!("{name} may not be set in production"));
            return None;
        }
        Some(value)
    }

    pub(crate) fn provider_url(&self, name: &str, default: &str) -> Option<Url> {
        if self.optional(name).is_some() {
            let text = self.local_only(name)?;
            return self.base_url(name, &text);
        }
        Url::parse(default).ok()
    }

    /// An https URL, or outside production an http one on this machine.
    pub(crate) fn base_url(&self, name: &str, text: &str) -> Option<Url> {
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
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::providers::{
        groq::settings::GroqApi,
        supabase::settings::SupabaseApi,
        twilio::settings::{TwilioApi, TwilioWebhooks},
    };

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

    type All = (SupabaseApi, TwilioWebhooks, TwilioApi, GroqApi);

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
    fn no_message_and_no_debug_output_contains_a_value() {
        let error = read(&[("SUPABASE_URL", "canary")]).map(|_| ()).unwrap_err();
        assert!(!error.to_string().contains("canary"));
        let (supabase, webhooks, api, groq) =
            read(&[("SUPABASE_SECRET_KEY", "canary"), ("TWILIO_AUTH_TOKEN", "canary")]).unwrap();
        assert!(!format!("{supabase:?} {webhooks:?} {api:?} {groq:?}").contains("canary"));
    }
}
