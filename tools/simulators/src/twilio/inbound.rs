//! A phone texts a shop: Twilio minds the keywords, calls the shop's webhook,
//! and sends what the TwiML in its answer says.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::{
    API_VERSION, Account,
    behaviour::Callbacks,
    call::{Call, Event, Fields},
    callbacks, is_phone_number,
    media::Media,
    message::{Author, BODY_LIMIT, Draft, Message},
    opt_out::Keyword,
    trouble::Trouble,
    twiml::{self, Reply},
    webhook::{Due, Outcome},
};
use crate::shared::{Held, Shared};

/// The Messaging Service webhooks name when Advanced Opt-Out is on.
const MESSAGING_SERVICE: u128 = 3;

/// The most media a text has.
const MEDIA_LIMIT: usize = 10;

/// A text somebody sends from a phone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The phone's number.
    pub from: String,
    /// The shop's number.
    pub to: String,
    /// What it says.
    #[serde(default)]
    pub body: String,
    /// The media sent along.
    #[serde(default)]
    pub media: Vec<Medium>,
}

/// A picture or the like, sent along with a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medium {
    /// Its content type, as the phone says.
    pub content_type: String,
    /// What is in it, in base64. Twilio keeps it, and tells its own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// An address to tell instead, for which nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
}

impl Medium {
    /// A file, with what the phone says it is.
    pub fn file(content_type: &str, content: &[u8]) -> Self {
        let content = Some(STANDARD.encode(content));
        Self { content_type: content_type.to_owned(), content, url: None }
    }

    /// Something that is at another address than Twilio's.
    pub fn elsewhere(content_type: &str, url: Url) -> Self {
        Self { content_type: content_type.to_owned(), content: None, url: Some(url) }
    }
}

/// Why a text cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// The sender is no phone.
    #[error("{0:?} is not a phone number like +15145550123")]
    From(String),
    /// The receiver is not the account's.
    #[error("{0:?} is not the number of a shop")]
    To(String),
    /// There is nothing in it.
    #[error("a text needs a body or media")]
    Empty,
    /// Twilio takes no more than ten.
    #[error("a text has at most {MEDIA_LIMIT} media")]
    TooManyMedia,
    /// It is nowhere, or in two places.
    #[error("a medium has either a content in base64 or a url")]
    Medium,
    /// It is longer than a phone sends.
    #[error("a text has at most {BODY_LIMIT} characters")]
    TooLong,
}

/// Takes a text from a phone, and returns its `MessageSid`.
///
/// An opt-out is on record before this returns. The webhook is called in the
/// background, opted out or not, as Twilio does.
pub(crate) fn receive(shared: &Arc<Shared<Account>>, text: Text) -> Result<String, TextError> {
    if !is_phone_number(&text.from) {
        return Err(TextError::From(text.from));
    }
    if text.body.is_empty() && text.media.is_empty() {
        return Err(TextError::Empty);
    }
    if text.body.chars().count() > BODY_LIMIT {
        return Err(TextError::TooLong);
    }
    if text.media.len() > MEDIA_LIMIT {
        return Err(TextError::TooManyMedia);
    }
    let (sid, call) = shared.change(|account| accept(account, text))?;
    let shared_with_task = Arc::clone(shared);
    shared.spawn(async move { deliver(&shared_with_task, &call).await });
    Ok(sid)
}

/// Records a text, what its keyword does, and that the webhook is to be called.
fn accept(account: &mut Held<'_, Account>, text: Text) -> Result<(String, Due), TextError> {
    let number = account.number(&text.to);
    let webhook = number.ok_or_else(|| TextError::To(text.to.clone()))?.webhook.clone();

    let media: Vec<Place> = text.media.iter().map(Place::of).collect::<Result<_, _>>()?;
    let keyword = Keyword::of(&text.body);
    let now = account.now();
    let draft = Draft {
        author: Author::Phone,
        from: text.from.clone(),
        to: text.to.clone(),
        body: text.body.clone(),
        // Addresses hold the id of the message, which it gets only now.
        media: vec![String::new(); media.len()],
        status_callback: None,
    };
    let mut message = Message::new(draft, now);
    for ((address, place), medium) in message.media.iter_mut().zip(media).zip(&text.media) {
        *address = match place {
            Place::Elsewhere(url) => url.to_string(),
            Place::Here(content) => {
                let medium = Media::new(&message.sid, &medium.content_type, content);
                let address = medium.address(account);
                account.media.push(medium);
                address
            }
        };
    }
    let fields = fields(account, &text, &message, keyword);
    let call = Call::new(Event::Inbound, &message.sid, webhook, &fields);
    let sid = message.sid.clone();
    account.messages.push(message);
    let call = Due::record(account, call);

    if let Some(keyword) = keyword.filter(|&keyword| apply(account, keyword, &text))
        && account.settings.automatic_replies
    {
        let draft = Draft {
            author: Author::Twilio,
            from: text.to,
            to: text.from,
            body: keyword.reply().to_owned(),
            media: Vec::new(),
            status_callback: None,
        };
        account.messages.push(Message::new(draft, now));
    }
    Ok((sid, call))
}

/// Where a medium is.
enum Place {
    Here(Bytes),
    Elsewhere(Url),
}

impl Place {
    fn of(medium: &Medium) -> Result<Self, TextError> {
        match (&medium.content, &medium.url) {
            (Some(content), None) => {
                let content = STANDARD.decode(content).map_err(|_| TextError::Medium)?;
                Ok(Self::Here(content.into()))
            }
            (None, Some(url)) => Ok(Self::Elsewhere(url.clone())),
            (Some(_), Some(_)) | (None, None) => Err(TextError::Medium),
        }
    }
}

/// Does what a keyword says, and tells whether Twilio has something to answer.
///
/// Twilio documents that HELP is not answered to a phone that opted out. That a
/// STOP or START which changes nothing is not answered either is assumed.
fn apply(account: &mut Held<'_, Account>, keyword: Keyword, text: &Text) -> bool {
    let pair = (text.to.clone(), text.from.clone());
    match keyword {
        Keyword::Stop => account.opt_outs.insert(pair),
        Keyword::Start => account.opt_outs.remove(&pair),
        Keyword::Help => !account.opt_outs.contains(&pair),
    }
}

/// The form of the webhook, with the fields and the order Twilio has.
fn fields(
    account: &Held<'_, Account>,
    text: &Text,
    message: &Message,
    keyword: Option<Keyword>,
) -> Fields {
    let country = |number: &str| if number.starts_with("+1") { "CA" } else { "" };
    let mut fields = Fields::default();
    fields.add("ToCountry", country(&text.to));
    for (index, medium) in text.media.iter().enumerate() {
        fields.add(format!("MediaContentType{index}"), &medium.content_type);
    }
    fields.add("ToState", "");
    fields.add("SmsMessageSid", &message.sid);
    fields.add("NumMedia", text.media.len().to_string());
    fields.add("ToCity", "");
    fields.add("FromZip", "");
    fields.add("SmsSid", &message.sid);
    if account.settings.advanced_opt_out
        && let Some(keyword) = keyword
    {
        fields.add("OptOutType", keyword.opt_out_type());
    }
    fields.add("FromState", "");
    fields.add("SmsStatus", "received");
    fields.add("FromCity", "");
    fields.add("Body", &text.body);
    fields.add("FromCountry", country(&text.from));
    fields.add("To", &text.to);
    if account.settings.advanced_opt_out {
        fields.add("MessagingServiceSid", format!("MG{MESSAGING_SERVICE:032x}"));
    }
    fields.add("ToZip", "");
    fields.add("NumSegments", message.segments.to_string());
    fields.add("MessageSid", &message.sid);
    fields.add("AccountSid", &account.sid);
    fields.add("From", &text.from);
    for (index, address) in message.media.iter().enumerate() {
        fields.add(format!("MediaUrl{index}"), address);
    }
    fields.add("ApiVersion", API_VERSION);
    fields
}

/// Calls the webhook, and sends the texts its answer asks for.
pub(super) async fn deliver(shared: &Arc<Shared<Account>>, call: &Due) {
    let (outcome, mut troubles) = call.attempt(shared).await;
    let replies = match &outcome {
        Outcome::Answered { status: status @ 200..300, content_type, body } => {
            let (replies, unreadable) = twiml::read(*status, content_type.as_deref(), body);
            troubles.extend(unreadable);
            replies
        }
        _ => Vec::new(),
    };
    let sids = shared.change(|account| {
        let mut sids = Vec::new();
        for reply in replies {
            match send(account, call.message_sid(), reply) {
                Ok(sid) => sids.push(sid),
                Err(trouble) => troubles.push(trouble),
            }
        }
        call.end(account, &outcome, troubles);
        sids
    });
    for sid in sids {
        let shared_with_task = Arc::clone(shared);
        shared.spawn(async move {
            callbacks::run(&shared_with_task, &sid, &Callbacks::default()).await;
        });
    }
}

/// Sends a text that TwiML asked for in answer to the message `inbound`.
fn send(account: &mut Held<'_, Account>, inbound: &str, reply: Reply) -> Result<String, Trouble> {
    let Some(inbound) = account.message(inbound) else {
        // Forgotten: a log this full has dropped the conversation's beginning.
        return Err(Trouble { code: None, message: "The inbound text is gone.".to_owned() });
    };
    let to = reply.to.unwrap_or_else(|| inbound.from.clone());
    let from = reply.from.unwrap_or_else(|| inbound.to.clone());
    if !is_phone_number(&to) {
        return Err(Trouble::new(14101, format!("Invalid To attribute {to:?}.")));
    }
    if account.number(&from).is_none() {
        return Err(Trouble::new(14102, format!("Invalid From attribute {from:?}.")));
    }
    if reply.body.chars().count() > BODY_LIMIT {
        return Err(Trouble::new(21617, "The message body exceeds the character limit."));
    }
    if account.is_opted_out(&from, &to) {
        return Err(Trouble::new(21610, "Attempt to send to unsubscribed recipient."));
    }
    let draft = Draft {
        author: Author::Twiml,
        from,
        to,
        body: reply.body,
        media: reply.media,
        status_callback: reply.status_callback,
    };
    let message = Message::new(draft, account.now());
    let sid = message.sid.clone();
    account.messages.push(message);
    Ok(sid)
}
