//! A simulator of Twilio's messaging: the Messages API, the webhooks it calls
//! when a phone texts a number, and the callbacks on each text's status.
//!
//! What Twilio documents is kept to; where it says nothing, the comment at that
//! place says what is assumed.

pub mod behaviour;
mod call;
mod callbacks;
pub mod inbound;
mod listing;
pub mod media;
pub mod message;
mod messages;
mod opt_out;
mod overrides;
pub mod redelivery;
mod refusal;
mod trouble;
mod twiml;
pub mod webhook;

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, routing::get};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use self::{behaviour::Behaviour, media::Media, message::Message, webhook::Delivery};
use super::{log::Log, script::Script, shared::Shared};

/// The version of the API that is simulated, as Twilio puts it in its answers.
const API_VERSION: &str = "2010-04-01";

/// The account a simulator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account's id.
    pub account_sid: String,
    /// The primary auth token.
    pub auth_token: SecretString,
    /// The secondary auth token, while one is being rotated in.
    pub secondary_auth_token: Option<SecretString>,
    /// The id of the API key.
    pub api_key_sid: String,
    /// The secret of the API key.
    pub api_key_secret: SecretString,
    /// The account's phone numbers.
    pub numbers: Vec<Number>,
    /// What can be set at run time.
    pub settings: Settings,
}

impl Default for Options {
    /// Made-up credentials, which open nothing but a simulator.
    fn default() -> Self {
        Self {
            account_sid: format!("AC{:032x}", 1),
            auth_token: "local-auth-token".into(),
            secondary_auth_token: None,
            api_key_sid: format!("SK{:032x}", 2),
            api_key_secret: "local-api-key-secret".into(),
            numbers: Vec::new(),
            settings: Settings::default(),
        }
    }
}

/// A phone number of the account: a shop's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number itself, in E.164.
    pub number: String,
    /// What is called when somebody texts it. A fragment holds Twilio's
    /// connection overrides, e.g. `#rc=3&rp=5xx,ct,rt`.
    pub webhook: Url,
}

/// What can be set at an account at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The auth token webhooks are signed with.
    pub sign_with: AuthToken,
    /// Whether Twilio itself answers STOP, START and HELP.
    pub automatic_replies: bool,
    /// Whether webhooks say `OptOutType`, as they do for a Messaging Service with
    /// Advanced Opt-Out.
    pub advanced_opt_out: bool,
    /// The time a text takes from each status to the next.
    pub callback_delay_milliseconds: u64,
    /// The time between a webhook's failure and its retry. Twilio's is not
    /// documented.
    pub retry_pause_milliseconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sign_with: AuthToken::Primary,
            automatic_replies: true,
            advanced_opt_out: false,
            callback_delay_milliseconds: 150,
            retry_pause_milliseconds: 250,
        }
    }
}

/// One of the two auth tokens an account has while it rotates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthToken {
    /// The one in use.
    Primary,
    /// The one to come.
    Secondary,
}

/// A request to the Messages API, kept to be looked at.
#[derive(Debug, Clone, Serialize)]
pub struct ApiRequest {
    /// Tells requests apart.
    pub id: Uuid,
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Who it says it is from: an API key's id or the account's, if anybody.
    pub username: Option<String>,
    /// The fields of its form, in their order.
    pub fields: Vec<(String, String)>,
    /// What became of it.
    pub answer: ApiAnswer,
}

/// What became of a request to the Messages API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAnswer {
    /// It is still being worked on.
    Pending,
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Twilio's error code, when it was refused.
        code: Option<u32>,
    },
    /// The connection was closed without an answer, as ordered.
    HungUp,
    /// No answer is given, as ordered, however long the caller waits.
    Withheld,
}

/// Everything about the account.
#[derive(Debug)]
pub struct Account {
    /// The account's id.
    pub sid: String,
    /// The base of the API, as it is in the addresses of media.
    pub api_url: String,
    /// The primary auth token.
    pub auth_token: SecretString,
    /// The secondary auth token, while one is being rotated in.
    pub secondary_auth_token: Option<SecretString>,
    /// The id of the API key.
    pub api_key_sid: String,
    /// The secret of the API key.
    pub api_key_secret: SecretString,
    /// The phone numbers, and what is called when they are texted.
    pub numbers: Vec<Number>,
    /// What is set at run time.
    pub settings: Settings,
    /// What the account starts with, and goes back to on a reset.
    initial_settings: Settings,
    /// What the Messages API was ordered to do.
    pub behaviours: Script<Behaviour>,
    /// All texts, in both directions.
    pub messages: Log<Message>,
    /// The files that came with texts.
    pub media: Log<Media>,
    /// Who opted out: the shop's number, then the phone's.
    pub opt_outs: BTreeSet<(String, String)>,
    /// The requests to the Messages API.
    pub requests: Log<ApiRequest>,
    /// The webhooks and status callbacks sent.
    pub deliveries: Log<Delivery>,
}

impl Account {
    /// The account behind an API at `api_url`.
    pub(super) fn new(options: Options, api_url: String) -> Self {
        Self {
            sid: options.account_sid,
            api_url,
            auth_token: options.auth_token,
            secondary_auth_token: options.secondary_auth_token,
            api_key_sid: options.api_key_sid,
            api_key_secret: options.api_key_secret,
            numbers: options.numbers,
            settings: options.settings,
            initial_settings: options.settings,
            behaviours: Script::default(),
            messages: Log::default(),
            media: Log::default(),
            opt_outs: BTreeSet::new(),
            requests: Log::default(),
            deliveries: Log::default(),
        }
    }

    /// Forgets what happened, and keeps what the account is.
    pub(super) fn reset(&mut self) {
        self.settings = self.initial_settings;
        self.behaviours = Script::default();
        self.messages.clear();
        self.media.clear();
        self.opt_outs.clear();
        self.requests.clear();
        self.deliveries.clear();
    }

    /// The token webhooks are signed with now. Twilio has a secondary one only
    /// during a rotation, so without one the primary signs.
    fn signing_token(&self) -> &SecretString {
        match (self.settings.sign_with, &self.secondary_auth_token) {
            (AuthToken::Secondary, Some(token)) => token,
            (AuthToken::Secondary, None) | (AuthToken::Primary, _) => &self.auth_token,
        }
    }

    /// The account's phone number `number`, if it has it.
    fn number(&self, number: &str) -> Option<&Number> {
        self.numbers.iter().find(|own| own.number == number)
    }

    /// Whether `phone` told the shop at `shop` to stop.
    pub fn is_opted_out(&self, shop: &str, phone: &str) -> bool {
        self.opt_outs.contains(&(shop.to_owned(), phone.to_owned()))
    }

    /// The message with this id.
    pub fn message(&self, sid: &str) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.sid == sid)
    }
}

/// The Messages API.
pub(super) fn router() -> Router<Arc<Shared<Account>>> {
    Router::new()
        .route(
            "/2010-04-01/Accounts/{account}/Messages.json",
            get(messages::list).post(messages::create),
        )
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{file}",
            get(messages::fetch).post(messages::update).delete(messages::delete),
        )
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{message}/Media/{file}",
            get(media::fetch).delete(media::delete),
        )
        .route("/cdn/{account}/{name}", get(media::serve_file))
        .fallback(messages::not_found)
}

/// Whether `number` is a phone number in E.164.
fn is_phone_number(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
