//! `POST /api/sms/status`: Twilio says what became of a text we sent.
//!
//! Which text it is stands in the URL, which the signature covers: a callback
//! may come before Twilio's answer to our request, when only our own id is known.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{Method, request::Parts};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use trust::signatures::twilio::{
    self, SignatureError, Verifier,
    form::{FieldError, Form},
    sid::{AccountSid, MessageSid},
};
use uuid::Uuid;

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, refusals::Refusals},
    paths,
    providers::{
        supabase::{self, Supabase},
        twilio::error_code::{self, Suppression},
    },
    settings::{Group, Reader, SettingsError},
};

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct SmsStatus {
    verifier: Verifier,
    account_sid: AccountSid,
    supabase: Supabase,
    refusals: Refusals,
}

/// What `rpc/apply_status` is told.
#[derive(Debug, PartialEq, Serialize)]
struct ApplyStatus {
    message_id: Uuid,
    twilio_sid: MessageSid,
    /// In Twilio's spelling. Kept even where it is none that moves a text of ours.
    status: String,
    error_code: Option<u32>,
    policy: Option<Suppression>,
    fields: BTreeMap<&'static str, String>,
}

/// The fields of a callback that are kept as they came: none of them names a
/// person, as `To`, `From` and the texts of messages do.
const KEPT_FIELDS: [&str; 8] = [
    "ApiVersion",
    "ChannelStatusCode",
    "ErrorCode",
    "EventType",
    "MessageStatus",
    "MessagingServiceSid",
    "RawDlrDoneDate",
    "SmsStatus",
];

/// No kept field is longer; what is gets cut.
const MAX_FIELD_CHARS: usize = 100;

#[derive(Deserialize)]
struct Applied {
    outcome: String,
}

impl SmsStatus {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::SMS_STATUS.settings, |context| {
            let webhooks = context.read(Group::TwilioWebhooks, Reader::twilio_webhooks);
            let (supabase, refusals) = (context.supabase(), context.refusals(paths::SMS_STATUS));
            let webhooks = webhooks?;
            Some(Self {
                verifier: Verifier::new(&webhooks.public_origins, &webhooks.auth_tokens),
                account_sid: webhooks.account_sid,
                supabase: supabase?,
                refusals: refusals?,
            })
        })
    }
}

impl Flow for SmsStatus {
    const METHODS: &'static [Method] = &[Method::POST];
    const MAX_BODY: usize = 64 * 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        // As long as Twilio waits for us.
        let end = Instant::now() + supabase::DEADLINE;
        let target = head.uri.path_and_query().map_or(paths::SMS_STATUS, |target| target.as_str());
        let message_id =
            message_id(twilio::configured_url(target)).ok_or(SignatureError::Target)?;
        let header = head.headers.get(twilio::HEADER).map(|value| value.as_bytes());
        let form = self.verifier.verify(target, &body, header)?;

        let request = ApplyStatus::parse(&form, &self.account_sid, message_id)?;
        let applied: Applied = self.supabase.call_until(end, "apply_status", &request).await?;
        tracing::info!(
            message.id = %message_id,
            message.sid = request.twilio_sid.as_str(),
            status = request.status,
            error_code = request.error_code,
            outcome = applied.outcome,
            "a text moved on"
        );
        if applied.outcome == "conflict" {
            tracing::error!(message.id = %message_id, "a text was sent twice");
        }
        Ok(Answer::ok("text/plain", ""))
    }
}

/// The id in exactly the URL we gave Twilio; other forms were never signed for us.
fn message_id(url: &str) -> Option<Uuid> {
    let id = url.strip_prefix(paths::SMS_STATUS)?.strip_prefix("?message=")?;
    Uuid::try_parse(id).ok()
}

impl ApplyStatus {
    /// Reads the fields of a verified callback.
    fn parse(
        form: &Form<'_>,
        account_sid: &AccountSid,
        message_id: Uuid,
    ) -> Result<Self, FieldError> {
        let twilio_sid = form.message_sid_of(account_sid)?;
        let error_code = match form.optional("ErrorCode")? {
            Some("") | None => None,
            Some(code) => {
                let code: u32 = code.parse().map_err(|_| FieldError::Invalid("ErrorCode"))?;
                // Codes have five digits; more would not fit the column.
                Some(code.min(999_999))
            }
        };
        let status = form.required("MessageStatus")?;
        if !is_status(status) {
            return Err(FieldError::Invalid("MessageStatus"));
        }
        let kept = KEPT_FIELDS.iter().filter_map(|&name| {
            let value = form.optional(name).ok()??;
            Some((name, value.replace('\0', "").chars().take(MAX_FIELD_CHARS).collect()))
        });
        Ok(Self {
            message_id,
            twilio_sid,
            status: status.to_owned(),
            error_code,
            policy: error_code.and_then(error_code::suppression),
            fields: kept.collect(),
        })
    }
}

/// What Twilio's states look like, those of next year too.
fn is_status(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000000";
    const SID: &str = "SM00000000000000000000000000000000";

    fn parse(fields: &str) -> Result<ApplyStatus, FieldError> {
        let body = format!("AccountSid={ACCOUNT}&MessageSid={SID}&{fields}");
        let account_sid = AccountSid::parse(ACCOUNT).unwrap();
        ApplyStatus::parse(&Form::parse(body.as_bytes()), &account_sid, Uuid::nil())
    }

    #[test]
    fn a_callback_is_read_with_what_its_error_means() {
        let delivered = parse("MessageStatus=delivered&ErrorCode=").unwrap();
        assert_eq!(delivered.status, "delivered");
        assert_eq!((delivered.error_code, delivered.policy), (None, None));

        let failed = parse("MessageStatus=failed&ErrorCode=21610").unwrap();
        assert_eq!(failed.policy, Some(Suppression::OptedOut));

        assert_eq!(parse("MessageStatus=receiving").unwrap().status, "receiving");
        for (fields, want) in [
            ("", FieldError::Missing("MessageStatus")),
            ("MessageStatus=", FieldError::Invalid("MessageStatus")),
            ("MessageStatus=%2B15145550123", FieldError::Invalid("MessageStatus")),
            ("MessageStatus=sent&ErrorCode=x", FieldError::Invalid("ErrorCode")),
        ] {
            assert_eq!(parse(fields), Err(want), "{fields}");
        }
    }

    #[test]
    fn nothing_that_names_a_person_is_kept() {
        let callback = parse(
            "MessageStatus=sent&RawDlrDoneDate=2611231200&To=%2B15145550123&From=%2B15145550100\
             &ChannelStatusMessage=to+%2B15145550123",
        );
        let kept = callback.unwrap().fields;
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), ["MessageStatus", "RawDlrDoneDate"]);
    }

    #[test]
    fn only_the_url_we_gave_out_names_a_message() {
        let id = "0193a000-0000-7000-8000-000000000010";
        assert!(message_id(&format!("{}?message={id}", paths::SMS_STATUS)).is_some());
        for bad in ["", "?message=", "?message=1", "?x=1", &format!("?message={id}&x=1")] {
            assert_eq!(message_id(&format!("{}{bad}", paths::SMS_STATUS)), None, "{bad}");
        }
    }
}
