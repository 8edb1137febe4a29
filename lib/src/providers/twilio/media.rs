//! Pictures and the like that came with a text: where Twilio keeps them, and how
//! they are fetched and removed.
//!
//! Twilio keeps media until they are deleted, and serves them from its CDN: the
//! API answers with a redirect to a signed link.
//! <https://www.twilio.com/docs/messaging/api/media-resource>

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use trust::signatures::twilio::sid::{AccountSid, MediaSid, MessageSid};
use url::Url;

use super::client::{DEADLINE, Twilio};
use crate::providers::egress::{EgressError, Reply};

/// The most that a text brings; also what Twilio lets through.
pub const MAX_COUNT: usize = 10;

/// The most that is fetched of one: what Twilio and the carriers let through for
/// all media of a text together. It is held in memory, so there is a limit to it.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;

/// What became of fetching one.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// All of its bytes.
    Whole(Bytes),
    /// It is longer than [`MAX_BYTES`].
    TooLarge,
    /// Twilio does not have it, or not yet.
    Missing,
    /// It could not be fetched; to be tried again.
    Unavailable,
}

/// The addresses of an account's media, as webhooks tell them and the API
/// answers at them.
#[derive(Debug, Clone)]
pub struct Addresses {
    messages: String,
}

impl Addresses {
    /// The addresses in the API at `api` for `account`.
    pub fn new(api: &Url, account: &AccountSid) -> Self {
        let base = api.as_str().trim_end_matches('/');
        Self { messages: format!("{base}/2010-04-01/Accounts/{}/Messages", account.as_str()) }
    }

    /// The address of one medium of a text.
    fn of(&self, message: &MessageSid, medium: &MediaSid) -> String {
        format!("{}/{}/Media/{}", self.messages, message.as_str(), medium.as_str())
    }

    /// The medium at `address`, if that is one of `message` and written exactly
    /// as Twilio writes it. Nothing but the id is taken from an address that came
    /// in a request, so nobody can have us call another host.
    pub fn read(&self, message: &MessageSid, address: &str) -> Option<MediaSid> {
        let path = address.strip_prefix(&self.messages)?.strip_prefix('/')?;
        MediaSid::parse(path.strip_prefix(message.as_str())?.strip_prefix("/Media/")?)
    }
}

impl Twilio {
    /// Fetches a medium. Follows one redirect, to Twilio's media host and without
    /// our key: the link is its own proof, and the host has no need of more.
    pub async fn fetch_media(&self, message: &MessageSid, medium: &MediaSid) -> Fetched {
        let address = self.media.of(message, medium);
        let request = self.request(Method::GET, &address).body(Bytes::new());
        let Ok(request) = request else { return Fetched::Unavailable };
        let reply = match self.egress.send_for(request, DEADLINE, MAX_BYTES).await {
            Ok(reply) if reply.status.is_redirection() => reply,
            outcome => return judge(outcome),
        };
        let Some(target) = target(&address, &reply, &self.media_url) else {
            tracing::error!(message.sid = message.as_str(), "twilio keeps media elsewhere");
            return Fetched::Unavailable;
        };
        let request = Request::get(target.as_str()).body(Bytes::new());
        let Ok(request) = request else { return Fetched::Unavailable };
        judge(self.egress.send_for(request, DEADLINE, MAX_BYTES).await)
    }

    /// Removes a medium at Twilio. True if it is not there any more.
    pub async fn delete_media(&self, message: &MessageSid, medium: &MediaSid) -> bool {
        let address = format!("{}.json", self.media.of(message, medium));
        let request = self.request(Method::DELETE, &address).body(Bytes::new());
        let Ok(request) = request else { return false };
        let reply = self.egress.send(request, DEADLINE).await;
        reply.is_ok_and(|reply| reply.status.is_success() || reply.status == StatusCode::NOT_FOUND)
    }
}

/// Where `reply` redirects to, if that is on the host of `media_url`.
fn target(address: &str, reply: &Reply, media_url: &Url) -> Option<Url> {
    let location = reply.headers.get(header::LOCATION)?.to_str().ok()?;
    let target = Url::parse(address).ok()?.join(location).ok()?;
    let is_plain = target.username().is_empty() && target.password().is_none();
    (is_plain && target.origin() == media_url.origin()).then_some(target)
}

fn judge(outcome: Result<Reply, EgressError>) -> Fetched {
    match outcome {
        Ok(reply) if reply.status == StatusCode::OK => Fetched::Whole(reply.body),
        Ok(reply) if reply.status == StatusCode::NOT_FOUND => Fetched::Missing,
        Err(EgressError::TooLong) => Fetched::TooLarge,
        Ok(_) | Err(EgressError::Forbidden | EgressError::NotSent | EgressError::Unanswered) => {
            Fetched::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    const API: &str = "https://api.twilio.com/2010-04-01/Accounts";
    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const MESSAGE: &str = "MM00000000000000000000000000000002";
    const MEDIUM: &str = "ME00000000000000000000000000000003";

    fn addresses() -> Addresses {
        let api = Url::parse("https://api.twilio.com").unwrap();
        Addresses::new(&api, &AccountSid::parse(ACCOUNT).unwrap())
    }

    #[test]
    fn an_address_is_read_only_if_it_is_the_texts_own() {
        let message = MessageSid::parse(MESSAGE).unwrap();
        let medium = MediaSid::parse(MEDIUM).unwrap();
        let own = addresses().of(&message, &medium);
        assert_eq!(own, format!("{API}/{ACCOUNT}/Messages/{MESSAGE}/Media/{MEDIUM}"));
        assert_eq!(addresses().read(&message, &own), Some(medium));

        let other_message = MESSAGE.replace('2', "4");
        let other_account = ACCOUNT.replace("01", "05");
        for foreign in [
            String::new(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            own.replace("https:", "http:"),
            own.replace("api.twilio.com", "api.twilio.com.evil.example"),
            own.replace("api.twilio.com", "api.twilio.com:8443"),
            own.replace("api.twilio.com", "api.twilio.com@evil.example"),
            own.replace("https://", "https://evil.example/https://"),
            own.replace(MESSAGE, &other_message),
            own.replace(ACCOUNT, &other_account),
            own.replace(MEDIUM, "../../../IncomingPhoneNumbers"),
            own.replace(MEDIUM, MESSAGE),
            format!("{own}/.."),
            format!("{own}.json"),
            format!("{own}?x=y"),
            format!("{own}#x"),
            format!(" {own}"),
        ] {
            assert_eq!(addresses().read(&message, &foreign), None, "{foreign}");
        }
    }

    #[test]
    fn one_host_is_followed_to() {
        let media_url = Url::parse("https://mms.twiliocdn.com").unwrap();
        let address = format!("{API}/{ACCOUNT}/Messages/{MESSAGE}/Media/{MEDIUM}");
        for (location, is_followed) in [
            ("https://mms.twiliocdn.com/AC1/abc?Expires=1&Signature=x", true),
            ("https://mms.twiliocdn.com:443/x", true),
            ("//mms.twiliocdn.com/x", true),
            ("http://mms.twiliocdn.com/x", false),
            ("https://mms.twiliocdn.com:8443/x", false),
            ("https://mms.twiliocdn.com.evil.example/x", false),
            ("https://u:p@mms.twiliocdn.com/x", false),
            ("https://s3-external-1.amazonaws.com/media.twiliocdn.com/x", false),
            ("https://api.twilio.com/x", false),
            ("/x", false),
            ("http://169.254.169.254/", false),
            ("https://[", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::LOCATION, HeaderValue::from_static(location));
            let status = StatusCode::TEMPORARY_REDIRECT;
            let reply = Reply { status, headers, body: Bytes::new() };
            assert_eq!(target(&address, &reply, &media_url).is_some(), is_followed, "{location}");
        }
    }

    #[test]
    fn only_a_whole_answer_is_kept() {
        let reply = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            Ok(Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(b"x") })
        };
        for (outcome, want) in [
            (reply(200), Fetched::Whole(Bytes::from_static(b"x"))),
            (reply(206), Fetched::Unavailable),
            (reply(204), Fetched::Unavailable),
            (reply(404), Fetched::Missing),
            (reply(403), Fetched::Unavailable),
            (reply(307), Fetched::Unavailable),
            (reply(500), Fetched::Unavailable),
            (Err(EgressError::TooLong), Fetched::TooLarge),
            (Err(EgressError::Unanswered), Fetched::Unavailable),
        ] {
            let told = format!("{outcome:?}");
            assert_eq!(judge(outcome), want, "{told}");
        }
    }
}
