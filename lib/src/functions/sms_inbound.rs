//! `POST /api/sms/inbound`: a lead texts a shop.
//!
//! Verify, parse, one call that stores everything, answer. What is owed is done
//! after the answer, and by `cron_deliver` if this process does not live to.
//!
//! # Invariant
//!
//! One call before the answer. Except for a text that begins or ends with digits right
//! after another such text: then the first call writes nothing and returns the texts
//! before, `redaction` looks at them together, and the second call stores all of them
//! masked.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, request::Parts};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use trust::{
    consent::{self, Decision, Meaning},
    signatures::twilio::{
        self, SignatureError, Verifier,
        form::{FieldError, Form},
        sid::{AccountSid, MediaSid, MessageSid},
    },
    text::{
        language::{self, Language},
        phone::{Phone, SuppressionKey},
        redaction,
    },
};
use uuid::Uuid;

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, refusals::Refusals},
    jobs::{self, Handed, Queue as _},
    messaging::Worker,
    paths,
    providers::{
        supabase::{self, RpcError},
        twilio::{addresses::Addresses, media, opt_out},
    },
    settings::{Group, Reader, SettingsError},
};

/// Longest text we keep; Twilio joins at most 1,600 characters.
const MAX_TEXT_CHARS: usize = 4096;

/// The fields with the addresses and types of what came with a text.
const MEDIA_FIELDS: [(&str, &str); media::MAX_COUNT] = [
    ("MediaUrl0", "MediaContentType0"),
    ("MediaUrl1", "MediaContentType1"),
    ("MediaUrl2", "MediaContentType2"),
    ("MediaUrl3", "MediaContentType3"),
    ("MediaUrl4", "MediaContentType4"),
    ("MediaUrl5", "MediaContentType5"),
    ("MediaUrl6", "MediaContentType6"),
    ("MediaUrl7", "MediaContentType7"),
    ("MediaUrl8", "MediaContentType8"),
    ("MediaUrl9", "MediaContentType9"),
];

/// Longest content type we keep as told.
const MAX_TYPE_CHARS: usize = 100;

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct SmsInbound {
    verifier: Verifier,
    account_sid: AccountSid,
    media_addresses: Addresses,
    suppression_key: SuppressionKey,
    worker: Worker,
    refusals: Refusals,
}

/// A text, as a verified request brings it.
struct Inbound {
    sid: MessageSid,
    from: Phone,
    to: Phone,
    body: String,
    media_count: u8,
    media: Vec<Medium>,
    masked_count: usize,
    decision: Decision,
    is_answered_by_twilio: bool,
}

/// A picture or the like that came with a text. Its content type is only what
/// we are told.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Medium {
    position: usize,
    twilio_sid: MediaSid,
    told_type: Option<String>,
}

/// What `rpc/receive_sms` is told.
#[derive(Serialize)]
struct ReceiveSms<'a> {
    message_sid: &'a MessageSid,
    from: &'a Phone,
    phone_hmac: String,
    to: &'a Phone,
    body: &'a str,
    media_count: u8,
    media: &'a [Medium],
    masked_count: usize,
    meaning: Meaning,
    rule: Option<&'static str>,
    is_in_words: bool,
    is_answered_by_twilio: bool,
    language: Option<Language>,
    may_join: bool,
    /// What was found of numbers split over texts; not yet looked for if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<Vec<Masked>>,
}

/// A text that was stored before its number was complete.
#[derive(Serialize)]
struct Masked {
    message_id: Uuid,
    masked_body: String,
}

#[derive(Deserialize)]
struct Received {
    outcome: Outcome,
    work: Vec<Handed>,
    #[serde(default)]
    previous: Vec<Previous>,
}

/// A text the lead sent just before.
#[derive(Deserialize)]
struct Previous {
    message_id: Uuid,
    body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Received,
    /// Nothing was stored: the text may be a part of a number in those before it.
    Joins,
    Duplicate,
    /// The shop has been closed: nothing was stored, but for an opt-out.
    Closed,
    UnknownNumber,
}

impl SmsInbound {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::SMS_INBOUND.settings, |context| {
            let webhooks = context.read(Group::TwilioWebhooks, Reader::twilio_webhooks);
            let api = context.read(Group::TwilioApi, Reader::twilio_api);
            let key = context.read(Group::SuppressionKey, Reader::suppression_key);
            let (worker, refusals) = (Worker::of(context), context.refusals(paths::SMS_INBOUND));
            let webhooks = webhooks?;
            Some(Self {
                verifier: Verifier::new(&webhooks.public_origins, &webhooks.auth_tokens),
                media_addresses: Addresses::new(&api?.url, &webhooks.account_sid),
                account_sid: webhooks.account_sid,
                suppression_key: SuppressionKey::new(&key?),
                worker: worker?,
                refusals: refusals?,
            })
        })
    }
}

impl Flow for SmsInbound {
    const METHODS: &'static [Method] = &[Method::POST];
    const MAX_BODY: usize = 64 * 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        // As long as Twilio waits for us, we wait for the database: each failure of ours uses
        // up one of its four attempts, and then the text is lost.
        let end = Instant::now() + supabase::DEADLINE;
        let header = head.headers.get(twilio::HEADER).map(|value| value.as_bytes());
        let target = head.uri.path_and_query().map_or(paths::SMS_INBOUND, |target| target.as_str());
        // The configured URL has no query, so a request that has one is not Twilio's.
        if twilio::configured_url(target) != paths::SMS_INBOUND {
            return Err(SignatureError::Target.into());
        }
        let form = self.verifier.verify(target, &body, header)?;
        let mut inbound = Inbound::parse(&form, &self.account_sid, &self.media_addresses)?;

        let mut received = self.receive(&inbound, None, end).await?;
        if received.outcome == Outcome::Joins {
            let joined = inbound.join(&received.previous);
            received = self.receive(&inbound, Some(joined), end).await?;
        }
        if received.outcome == Outcome::UnknownNumber {
            return Err(Problem::Unknown("no shop has this number"));
        }
        tracing::info!(
            message.sid = inbound.sid.as_str(),
            outcome = ?received.outcome,
            work = received.work.len(),
            "received a text"
        );

        let mut answer = Answer::ok("text/xml", EMPTY_TWIML);
        if !received.work.is_empty() {
            answer.background = Some(Box::pin(async move {
                jobs::run_all(&self.worker, &received.work).await;
            }));
        }
        Ok(answer)
    }
}

impl SmsInbound {
    async fn receive(
        &self,
        inbound: &Inbound,
        joined: Option<Vec<Masked>>,
        end: Instant,
    ) -> Result<Received, RpcError> {
        let request = ReceiveSms {
            message_sid: &inbound.sid,
            from: &inbound.from,
            phone_hmac: self.suppression_key.hash(&inbound.from),
            to: &inbound.to,
            body: &inbound.body,
            media_count: inbound.media_count,
            media: &inbound.media,
            masked_count: inbound.masked_count,
            meaning: inbound.decision.meaning,
            rule: inbound.decision.rule,
            is_in_words: inbound.decision.is_in_words(),
            is_answered_by_twilio: inbound.is_answered_by_twilio,
            language: language::detect(&inbound.body),
            may_join: redaction::may_be_part(&inbound.body),
            joined,
        };
        self.worker.supabase().call_until(end, "receive_sms", &request).await
    }
}

/// We answer through the API, never in TwiML: every text then passes the gate
/// and can be settled when something dies on the way.
const EMPTY_TWIML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

impl Inbound {
    /// Reads the fields a text needs, and masks what must not be stored before
    /// anything else sees it.
    fn parse(
        form: &Form<'_>,
        account_sid: &AccountSid,
        media_addresses: &Addresses,
    ) -> Result<Self, FieldError> {
        let sid = form.message_sid_of(account_sid)?;
        let phone = |name| Phone::parse(form.required(name)?).ok_or(FieldError::Invalid(name));
        let text = form.required("Body")?;
        let media_count = match form.optional("NumMedia")? {
            Some(count) => count.parse().map_err(|_| FieldError::Invalid("NumMedia"))?,
            None => 0,
        };
        // Postgres has no NUL in texts; it would refuse all of it.
        let text: String = text.replace('\0', "\u{fffd}").chars().take(MAX_TEXT_CHARS).collect();
        let redacted = redaction::redact(&text);
        let opt_out_type = form.optional("OptOutType")?;
        Ok(Self {
            media: Medium::parse_all(form, media_count, &sid, media_addresses)?,
            sid,
            from: phone("From")?,
            to: phone("To")?,
            decision: consent::classify(&redacted.text, opt_out_type),
            is_answered_by_twilio: opt_out::is_answered(&redacted.text, opt_out_type),
            body: redacted.text,
            media_count,
            masked_count: redacted.count,
        })
    }

    /// Masks what this text and `previous`, oldest first, hold of one number, and
    /// returns those of them that changed.
    fn join(&mut self, previous: &[Previous]) -> Vec<Masked> {
        let before: Vec<&str> = previous.iter().map(|text| text.body.as_str()).collect();
        let in_order = [before.as_slice(), &[&self.body]].concat();
        let masked = redaction::redact_split(&in_order).or_else(|| {
            // Texts sent in one breath may arrive the other way round.
            let (last, earlier) = before.split_last()?;
            let swapped = redaction::redact_split(&[&self.body, last])?;
            let [this, last] = swapped.try_into().ok()?;
            Some(earlier.iter().map(ToString::to_string).chain([last, this]).collect())
        });
        let Some((this, masked)) = masked.as_deref().and_then(<[String]>::split_last) else {
            return Vec::new();
        };
        if self.body != *this {
            self.body.clone_from(this);
            self.masked_count += 1;
        }
        previous
            .iter()
            .zip(masked)
            .filter(|(text, masked)| text.body != **masked)
            .map(|(text, masked)| Masked {
                message_id: text.message_id,
                masked_body: masked.clone(),
            })
            .collect()
    }
}

impl Medium {
    /// Reads what came with the text `sid`. What is not at the text's own address
    /// is left out: the text itself is taken in all the same.
    fn parse_all(
        form: &Form<'_>,
        count: u8,
        sid: &MessageSid,
        addresses: &Addresses,
    ) -> Result<Vec<Self>, FieldError> {
        let mut media = Vec::new();
        for (position, (url, content_type)) in
            MEDIA_FIELDS.into_iter().enumerate().take(count.into())
        {
            let address = form.optional(url)?.unwrap_or_default();
            let Some(twilio_sid) = addresses.read(sid, address) else {
                tracing::warn!(message.sid = sid.as_str(), position, "a medium is not the text's");
                continue;
            };
            let told_type = form.optional(content_type)?.filter(|told| {
                told.len() <= MAX_TYPE_CHARS && told.bytes().all(|byte| byte.is_ascii_graphic())
            });
            media.push(Self { position, twilio_sid, told_type: told_type.map(str::to_owned) });
        }
        Ok(media)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000000";
    const SID: &str = "SM00000000000000000000000000000000";

    const API: &str = "https://api.twilio.com";

    /// A good form with some fields changed; `None` leaves a field out.
    fn parse(changes: &[(&'static str, Option<&str>)]) -> Result<Inbound, FieldError> {
        let mut fields = vec![
            ("AccountSid", Some(ACCOUNT)),
            ("MessageSid", Some(SID)),
            ("From", Some("+15145550123")),
            ("To", Some("+15145550100")),
            ("Body", Some("hi")),
        ];
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.push((name, *value));
        }
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            if let Some(value) = value {
                body.append_pair(name, value);
            }
        }
        let body = body.finish();
        let account = AccountSid::parse(ACCOUNT).unwrap();
        let addresses = Addresses::new(&Url::parse(API).unwrap(), &account);
        Inbound::parse(&Form::parse(body.as_bytes()), &account, &addresses)
    }

    #[test]
    fn each_unusable_field_is_named() {
        for (name, value, want) in [
            ("Body", None, FieldError::Missing("Body")),
            ("From", None, FieldError::Missing("From")),
            ("MessageSid", None, FieldError::Missing("MessageSid")),
            ("AccountSid", None, FieldError::Missing("AccountSid")),
            ("AccountSid", Some("AC1"), FieldError::Invalid("AccountSid")),
            ("MessageSid", Some("SM1"), FieldError::Invalid("MessageSid")),
            ("From", Some("anonymous"), FieldError::Invalid("From")),
            ("To", Some("12345"), FieldError::Invalid("To")),
            ("NumMedia", Some("many"), FieldError::Invalid("NumMedia")),
        ] {
            assert_eq!(parse(&[(name, value)]).map(|_| ()), Err(want));
        }
    }

    #[test]
    fn a_text_is_made_storable_before_anything_sees_it() {
        let inbound = parse(&[("Body", Some("a\0b 4242 4242 4242 4242"))]).unwrap();
        assert_eq!(inbound.body, "a\u{fffd}b •••• •••• •••• 4242");
        assert_eq!(parse(&[("Body", Some(&"é".repeat(5000)))]).unwrap().body.chars().count(), 4096);
        assert_eq!(parse(&[("Body", Some(""))]).unwrap().decision.meaning, Meaning::Text);
        assert_eq!(parse(&[("OptOutType", Some("STOP"))]).unwrap().decision.meaning, Meaning::Stop);
        assert_eq!(parse(&[("NumMedia", Some("2"))]).unwrap().media_count, 2);
    }

    #[test]
    fn only_a_texts_own_media_are_taken() {
        let medium = |n: u8| format!("ME{n:032x}");
        let own = |n: u8| {
            format!("{API}/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media/{}", medium(n))
        };
        let (first, last) = (own(0), own(9));
        let other = first.replace(SID, &SID.replace("SM0", "SM1"));
        let read = |changes: &[(&'static str, Option<&str>)]| {
            let inbound = parse(changes).unwrap();
            let sids = inbound.media.iter().map(|medium| medium.twilio_sid.as_str().to_owned());
            let positions: Vec<_> = inbound.media.iter().map(|medium| medium.position).collect();
            (positions, sids.collect::<Vec<_>>())
        };

        let all = [
            ("NumMedia", Some("10")),
            ("MediaUrl0", Some(first.as_str())),
            ("MediaUrl1", Some(other.as_str())),
            ("MediaUrl2", Some("https://evil.example/picture.jpg")),
            ("MediaUrl9", Some(last.as_str())),
        ];
        assert_eq!(read(&all), (vec![0, 9], vec![medium(0), medium(9)]));
        // What is not counted does not count.
        assert!(read(&[("NumMedia", Some("0")), ("MediaUrl0", Some(&first))]).0.is_empty());
        assert!(read(&[("MediaUrl0", Some(&first))]).0.is_empty());
        // More than Twilio sends are counted, and not taken.
        assert_eq!(read(&[("NumMedia", Some("255")), ("MediaUrl0", Some(&first))]).0, [0]);

        let told = |told: &str| {
            let inbound = parse(&[
                ("NumMedia", Some("1")),
                ("MediaUrl0", Some(&first)),
                ("MediaContentType0", Some(told)),
            ]);
            inbound.unwrap().media.remove(0).told_type
        };
        assert_eq!(told("image/jpeg"), Some("image/jpeg".to_owned()));
        assert_eq!(told("image/jpeg\r\nx: y"), None);
        assert_eq!(told(&"x".repeat(101)), None);
    }
}
