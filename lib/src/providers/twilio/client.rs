//! Sending texts, and finding out whether one was sent.
//!
//! Creating a message has no idempotency key
//! (<https://www.twilio.com/docs/messaging/api/message-resource>), so a send
//! whose outcome is unknown is never repeated blindly: it is looked up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{HeaderValue, Method, Request, StatusCode, header, request};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use trust::signatures::twilio::sid::MessageSid;
use trust::text::phone::Phone;
use url::Url;

use super::{
    addresses::Addresses,
    error_code::{self, Action},
    settings::TwilioApi,
    status::MessageStatus,
};
use crate::providers::egress::{Egress, EgressError, Reply};

/// The longest a call may take; well within a job's lease.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How much earlier than it was a text may seem to have been created: both times are in
/// whole seconds, and the answer that told us the attempt's age was on its way meanwhile.
const TRUNCATED: Duration = Duration::from_secs(6);

/// How Twilio is to call us, as the fragment of a webhook's URL: it tries again
/// what failed on our side too, within its limit of 15 s. It neither signs nor
/// sends the fragment. The URL of a shop's number has it as well (README).
/// <https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>
pub const CONNECTION_OVERRIDES: &str = "rc=3&rp=5xx,ct,rt&rt=4500&tt=15000";

/// What became of an attempt to send.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// Twilio has it.
    Accepted(MessageSid, MessageStatus),
    /// Twilio refused it for good, with this error code.
    Rejected(u32),
    /// Twilio does not have it; to be tried again, at the earliest after so long.
    NotSent(Option<Duration>),
    /// Twilio may have it.
    Unknown,
}

/// What a look-up found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Twilio has the text.
    Yes(MessageSid, MessageStatus),
    /// Twilio does not list the text.
    No,
    /// Twilio could not be asked.
    Unknown,
}

/// A text to send.
#[derive(Debug)]
pub struct Text<'a> {
    /// The shop's number.
    pub from: &'a Phone,
    /// The lead's number.
    pub to: &'a Phone,
    /// What it says.
    pub body: &'a str,
    /// Where its statuses are to be reported.
    pub status_callback: &'a Url,
}

/// Twilio's API for one account.
pub struct Twilio {
    messages: Url,
    pub(super) media: Addresses,
    /// Where media may be fetched from, besides the API.
    pub(super) media_url: Url,
    authorization: HeaderValue,
    pub(super) egress: Egress,
}

#[derive(Deserialize)]
struct Message {
    sid: MessageSid,
    status: String,
    body: String,
    direction: String,
    /// As RFC 2822 has it, in GMT.
    #[serde(default)]
    date_created: String,
}

#[derive(Deserialize)]
struct MessageList {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: u32,
}

impl Twilio {
    /// Calls the account of `settings` through `egress`. `None` if its key
    /// cannot stand in a header.
    pub fn new(settings: &TwilioApi, egress: Egress) -> Option<Self> {
        let base = settings.url.as_str().trim_end_matches('/');
        let account = settings.account_sid.as_str();
        let messages = format!("{base}/2010-04-01/Accounts/{account}/Messages.json");
        let credentials = format!("{}:{}", settings.key_sid, settings.key_secret.expose_secret());
        let basic = format!("Basic {}", STANDARD.encode(credentials));
        let mut authorization = HeaderValue::try_from(basic).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            messages: Url::parse(&messages).ok()?,
            media: Addresses::new(&settings.url, &settings.account_sid),
            media_url: settings.media_url.clone(),
            authorization,
            egress,
        })
    }

    /// A request to the API, with our key.
    pub(super) fn request(&self, method: Method, address: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(address)
            .header(header::AUTHORIZATION, self.authorization.clone())
    }

    /// Asks Twilio to send `text`, once.
    pub async fn send(&self, text: &Text<'_>) -> Sent {
        let form = Serializer::new(String::new())
            .append_pair("To", text.to.as_str())
            .append_pair("From", text.from.as_str())
            .append_pair("Body", text.body)
            .append_pair("StatusCallback", text.status_callback.as_str())
            .finish();
        let request = self
            .request(Method::POST, self.messages.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form));
        let Ok(request) = request else { return Sent::NotSent(None) };
        judge(self.egress.send(request, DEADLINE).await)
    }

    /// Empties Twilio's copy of a text; its phone numbers stay. True if it is
    /// empty, or not there any more.
    /// <https://www.twilio.com/docs/messaging/tutorials/how-to-modify-message-history>
    pub async fn redact(&self, sid: &MessageSid) -> bool {
        let mut url = self.messages.clone();
        let path =
            url.path().replace("/Messages.json", &format!("/Messages/{}.json", sid.as_str()));
        url.set_path(&path);
        let request = self
            .request(Method::POST, url.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"Body="));
        let Ok(request) = request else { return false };
        let reply = self.egress.send(request, DEADLINE).await;
        reply.is_ok_and(|reply| reply.status.is_success() || reply.status == StatusCode::NOT_FOUND)
    }

    /// Looks for a text we may have sent in an attempt that began at most `age` ago: same
    /// sender, recipient and body, none of `known`, the texts we know by their SIDs, and none
    /// that was there before the attempt, which we may know no more.
    ///
    /// Times are Twilio's own, so no clock has to agree with another.
    pub async fn find(&self, text: &Text<'_>, known: &[MessageSid], age: Duration) -> Found {
        let mut url = self.messages.clone();
        url.query_pairs_mut()
            .append_pair("To", text.to.as_str())
            .append_pair("From", text.from.as_str())
            .append_pair("PageSize", "100");
        let request = self.request(Method::GET, url.as_str()).body(Bytes::new());
        let Ok(request) = request else { return Found::Unknown };
        match self.egress.send(request, DEADLINE).await {
            Ok(reply) if reply.status.is_success() => {
                let date = reply.headers.get(header::DATE).and_then(|date| date.to_str().ok());
                let Some(now) = date.and_then(time) else { return Found::Unknown };
                let since = now.checked_sub(age + TRUNCATED).unwrap_or(UNIX_EPOCH);
                pick(&reply.body, text.body, known, since)
            }
            Ok(_) | Err(_) => Found::Unknown,
        }
    }
}

impl std::fmt::Debug for Twilio {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Twilio")
    }
}

fn judge(outcome: Result<Reply, EgressError>) -> Sent {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(EgressError::Forbidden | EgressError::NotSent) => return Sent::NotSent(None),
        Err(EgressError::Unanswered | EgressError::TooLong) => return Sent::Unknown,
    };
    if reply.status.is_success() {
        return match serde_json::from_slice::<Message>(&reply.body) {
            Ok(message) => Sent::Accepted(message.sid, first_status(&message.status)),
            Err(_) => Sent::Unknown,
        };
    }
    // Behind a 5xx the text may have been taken over before something failed.
    if !reply.status.is_client_error() {
        return Sent::Unknown;
    }
    match reply.status.as_u16() {
        // Wrong or locked credentials and limits say nothing about the text.
        401 | 403 | 404 | 429 => Sent::NotSent(retry_after(&reply)),
        _ => match serde_json::from_slice::<ErrorBody>(&reply.body) {
            Ok(ErrorBody { code }) if error_code::action(code) == Action::Retry => {
                Sent::NotSent(retry_after(&reply))
            }
            Ok(ErrorBody { code }) => Sent::Rejected(code),
            Err(_) => Sent::NotSent(None),
        },
    }
}

fn pick(list: &[u8], body: &str, known: &[MessageSid], since: SystemTime) -> Found {
    let Ok(list) = serde_json::from_slice::<MessageList>(list) else { return Found::Unknown };
    let alike = list
        .messages
        .into_iter()
        .filter(|message| message.direction == "outbound-api")
        .filter(|message| message.body.trim() == body.trim())
        .filter(|message| !known.contains(&message.sid));
    for message in alike {
        match time(&message.date_created) {
            Some(created) if created < since => {}
            Some(_) => return Found::Yes(message.sid, first_status(&message.status)),
            // It may be the one: neither found nor to be sent again.
            None => return Found::Unknown,
        }
    }
    Found::No
}

/// A time as Twilio writes it: RFC 2822 in its resources, which differs in the zone's name
/// only from what HTTP has in its headers.
fn time(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(&text.replace("+0000", "GMT")).ok()
}

/// The status of a text Twilio has; a state new to us is at least that.
fn first_status(text: &str) -> MessageStatus {
    MessageStatus::parse(text).unwrap_or(MessageStatus::Accepted)
}

fn retry_after(reply: &Reply) -> Option<Duration> {
    let seconds = reply.headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_secs(3600)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const SID: &str = "SM0123456789abcdef0123456789abcdef";

    fn reply(status: u16, body: &str) -> Result<Reply, EgressError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Reply { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
    }

    fn sid() -> MessageSid {
        MessageSid::parse(SID).unwrap()
    }

    #[test]
    fn every_answer_is_judged_by_whether_twilio_can_have_the_text() {
        let message =
            format!(r#"{{"sid":"{SID}","status":"queued","body":"b","direction":"outbound-api"}}"#);
        let seven = Some(Duration::from_secs(7));
        for (outcome, want) in [
            (reply(201, &message), Sent::Accepted(sid(), MessageStatus::Queued)),
            (reply(201, "{"), Sent::Unknown),
            (reply(302, ""), Sent::Unknown),
            (reply(500, ""), Sent::Unknown),
            (reply(503, r#"{"code":20503}"#), Sent::Unknown),
            (reply(400, r#"{"code":21610}"#), Sent::Rejected(21610)),
            (reply(400, r#"{"code":21611}"#), Sent::NotSent(seven)),
            (reply(400, "not json"), Sent::NotSent(None)),
            (reply(401, r#"{"code":20003}"#), Sent::NotSent(seven)),
            (reply(429, r#"{"code":20429}"#), Sent::NotSent(seven)),
            (Err(EgressError::NotSent), Sent::NotSent(None)),
            (Err(EgressError::Forbidden), Sent::NotSent(None)),
            (Err(EgressError::Unanswered), Sent::Unknown),
            (Err(EgressError::TooLong), Sent::Unknown),
        ] {
            let told = format!("{outcome:?}");
            assert_eq!(judge(outcome), want, "{told}");
        }
    }

    #[test]
    fn a_look_up_finds_only_a_text_we_do_not_know_yet() {
        let other = "SM0123456789abcdef0123456789abcde0";
        let created = "Mon, 30 Nov 2026 18:00:00 +0000";
        let list = format!(
            r#"{{"messages":[
                {{"sid":"{SID}","status":"sent","body":"hello","direction":"outbound-api",
                  "date_created":"{created}"}},
                {{"sid":"{other}","status":"received","body":"hello","direction":"inbound",
                  "date_created":"{created}"}}]}}"#
        );
        let at = time(created).unwrap();
        let find = |body, known: &[MessageSid]| pick(list.as_bytes(), body, known, at);
        assert_eq!(find("hello", &[]), Found::Yes(sid(), MessageStatus::Sent));
        assert_eq!(find("hello ", &[]), Found::Yes(sid(), MessageStatus::Sent));
        assert_eq!(find("hello", &[sid()]), Found::No);
        assert_eq!(find("bye", &[]), Found::No);
        assert_eq!(pick(b"oops", "hello", &[], at), Found::Unknown);
        // One that was there before, though we know it no more; one of which nobody can tell.
        let later = at + Duration::from_secs(1);
        assert_eq!(pick(list.as_bytes(), "hello", &[], later), Found::No);
        let undated = list.replace(created, "yesterday");
        assert_eq!(pick(undated.as_bytes(), "hello", &[], at), Found::Unknown);
        assert_eq!(pick(undated.as_bytes(), "bye", &[], at), Found::No);
        assert_eq!(time("Mon, 30 Nov 2026 18:00:00 GMT"), Some(at));
    }
}
