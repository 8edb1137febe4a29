//! `POST /api/sms/status`: Twilio says what became of a text we sent.
//!
//! Which text it is stands in the URL, which the signature covers: a callback
//! may come before Twilio's answer to our request, when only our own id is known.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, request::Parts};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    egress::Egress,
    http_edge::{Answer, Flow, Problem},
    settings::{Reader, SettingsError},
    supabase::Supabase,
    twilio::{
        error_code::{self, Suppression},
        form::{FieldError, Form},
        sid::{AccountSid, MessageSid},
        signature::{self, SignatureError, Verifier},
        status::MessageStatus,
    },
};

/// Where Twilio posts statuses to. A part of what it signs.
pub const PATH: &str = "/api/sms/status";

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct SmsStatus {
    verifier: Verifier,
    account_sid: AccountSid,
    supabase: Supabase,
}

/// What `rpc/apply_status` is told.
#[derive(Debug, PartialEq, Serialize)]
struct ApplyStatus {
    message_id: Uuid,
    twilio_sid: MessageSid,
    status: MessageStatus,
    error_code: Option<u32>,
    policy: Option<Suppression>,
}

#[derive(Deserialize)]
struct Applied {
    outcome: String,
}

impl SmsStatus {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let webhooks = reader.twilio_webhooks();
        let supabase = reader.supabase();
        let flow = (|| {
            let (webhooks, supabase) = (webhooks?, supabase?);
            let egress = Egress::from_settings(&reader, &[&supabase.url])?;
            Some(Self {
                verifier: Verifier::new(&webhooks.public_origins, &webhooks.auth_tokens),
                account_sid: webhooks.account_sid,
                supabase: Supabase::new(&supabase, egress),
            })
        })();
        reader.finish(flow)
    }
}

impl Flow for SmsStatus {
    const METHOD: Method = Method::POST;
    const MAX_BODY: usize = 64 * 1024;

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let path_and_query = head.uri.path_and_query().map_or(PATH, |target| target.as_str());
        let message_id =
            message_id(path_and_query).ok_or(Problem::Unsigned(SignatureError::Mismatch))?;
        let header = head.headers.get(signature::HEADER).map(|value| value.as_bytes());
        let form =
            self.verifier.verify(path_and_query, &body, header).map_err(Problem::Unsigned)?;

        let Some(request) = ApplyStatus::parse(&form, &self.account_sid, message_id)? else {
            // A state a text of ours does not have is nothing to act on.
            return Ok(Answer::ok("text/plain", ""));
        };
        let applied: Applied = self.supabase.call("apply_status", &request).await?;
        tracing::info!(
            message.id = %message_id,
            message.sid = request.twilio_sid.as_str(),
            status = ?request.status,
            error_code = request.error_code,
            outcome = applied.outcome,
            "a text moved on"
        );
        if applied.outcome == "unknown_message" {
            return Err(Problem::Unknown("no text has this id"));
        }
        if applied.outcome == "conflict" {
            tracing::error!(message.id = %message_id, "a text was sent twice");
        }
        Ok(Answer::ok("text/plain", ""))
    }
}

/// The id in exactly the URL we gave Twilio; other forms were never signed for us.
fn message_id(path_and_query: &str) -> Option<Uuid> {
    let id = path_and_query.strip_prefix(PATH)?.strip_prefix("?message=")?;
    Uuid::try_parse(id).ok()
}

impl ApplyStatus {
    /// Reads the fields of a verified callback. `None` for a state that texts
    /// of ours do not have.
    fn parse(
        form: &Form<'_>,
        account_sid: &AccountSid,
        message_id: Uuid,
    ) -> Result<Option<Self>, FieldError> {
        let twilio_sid = form.message_sid_of(account_sid)?;
        let error_code = match form.optional("ErrorCode")? {
            Some("") | None => None,
            Some(code) => {
                let code: u32 = code.parse().map_err(|_| FieldError::Invalid("ErrorCode"))?;
                // Codes have five digits; more would not fit the column.
                Some(code.min(999_999))
            }
        };
        let status = MessageStatus::parse(form.required("MessageStatus")?);
        Ok(status.map(|status| Self {
            message_id,
            twilio_sid,
            status,
            error_code,
            policy: error_code.and_then(error_code::suppression),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00000000000000000000000000000000";
    const SID: &str = "SM00000000000000000000000000000000";

    fn parse(fields: &str) -> Result<Option<ApplyStatus>, FieldError> {
        let body = format!("AccountSid={ACCOUNT}&MessageSid={SID}&{fields}");
        let account_sid = AccountSid::parse(ACCOUNT).unwrap();
        ApplyStatus::parse(&Form::parse(body.as_bytes()), &account_sid, Uuid::nil())
    }

    #[test]
    fn a_callback_is_read_with_what_its_error_means() {
        let delivered = parse("MessageStatus=delivered&ErrorCode=").unwrap().unwrap();
        assert_eq!(delivered.status, MessageStatus::Delivered);
        assert_eq!((delivered.error_code, delivered.policy), (None, None));

        let failed = parse("MessageStatus=failed&ErrorCode=21610").unwrap().unwrap();
        assert_eq!(failed.policy, Some(Suppression::OptedOut));

        assert_eq!(parse("MessageStatus=receiving"), Ok(None));
        assert_eq!(parse(""), Err(FieldError::Missing("MessageStatus")));
        assert_eq!(parse("MessageStatus=sent&ErrorCode=x"), Err(FieldError::Invalid("ErrorCode")));
    }

    #[test]
    fn only_the_url_we_gave_out_names_a_message() {
        let id = "0193a000-0000-7000-8000-000000000010";
        assert!(message_id(&format!("{PATH}?message={id}")).is_some());
        for bad in ["", "?message=", "?message=1", "?x=1", &format!("?message={id}&x=1")] {
            assert_eq!(message_id(&format!("{PATH}{bad}")), None, "{bad}");
        }
    }
}
