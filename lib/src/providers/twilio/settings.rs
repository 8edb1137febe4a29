//! Which account of Twilio is ours, and the keys to it.

use secrecy::SecretString;
use trust::signatures::twilio::sid::AccountSid;
use url::Url;

use crate::settings::Reader;

/// The one host Twilio's API redirects to for media, while HTTP authentication
/// on media URLs is on, as it must be (README). Without it the redirect is to an
/// S3 host that all the world's buckets share.
/// <https://help.twilio.com/articles/223183748>
const TWILIO_MEDIA: &str = "https://mms.twiliocdn.com";

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

impl Reader<'_> {
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

    fn account_sid(&self) -> Option<AccountSid> {
        let text = self.required("TWILIO_ACCOUNT_SID")?;
        let sid = AccountSid::parse(&text);
        if sid.is_none() {
            self.fault("TWILIO_ACCOUNT_SID is not AC and 32 hexadecimal digits");
        }
        sid
    }
}
