//! Pictures and the like that came with a text: where Twilio keeps them, and how
//! they are fetched and removed.
//!
//! Twilio keeps media until they are deleted, and serves them from its CDN: the
//! API answers with a redirect to a signed link.
//! <https://www.twilio.com/docs/messaging/api/media-resource>

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use trust::signatures::twilio::sid::{MediaSid, MessageSid};
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
