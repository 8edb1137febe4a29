//! A phone texts a shop: Twilio minds the keywords, calls the shop's webhook,
//! and sends what the TwiML in its answer says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::{
    API_VERSION,
    behaviour::Callbacks,
    callbacks, is_phone_number,
    message::{Author, BODY_LIMIT, Draft, Message},
    opt_out::Keyword,
    twiml::{self, Reply},
    webhook::{Call, Due, Event, Fields, Outcome, Trouble},
};
use crate::simulator::{World, shared::Shared};

/// The Messaging Service webhooks name when Advanced Opt-Out is on.
const MESSAGING_SERVICE: u128 = 3;

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
    /// The addresses of the media sent along.
    #[serde(default)]
    pub media: Vec<Medium>,
}

/// A picture or the like, sent along with a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medium {
    /// Where it can be fetched.
    pub url: Url,
    /// Its content type.
    pub content_type: String,
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
    /// It is longer than a phone sends.
    #[error("a text has at most {BODY_LIMIT} characters")]
    TooLong,
}

/// Takes a text from a phone, and returns its `MessageSid`.
///
/// An opt-out is on record before this returns. The webhook is called in the
/// background, opted out or not, as Twilio does.
pub(in crate::simulator) fn receive(shared: &Arc<Shared>, text: Text) -> Result<String, TextError> {
    if !is_phone_number(&text.from) {
        return Err(TextError::From(text.from));
    }
    if text.body.is_empty() && text.media.is_empty() {
        return Err(TextError::Empty);
    }
    if text.body.chars().count() > BODY_LIMIT {
        return Err(TextError::TooLong);
    }
    let (sid, call) = shared.change(|world| accept(world, text))?;
    let shared_with_task = Arc::clone(shared);
    shared.spawn(async move { deliver(&shared_with_task, &call).await });
    Ok(sid)
}

/// Records a text, what its keyword does, and that the webhook is to be called.
fn accept(world: &mut World, text: Text) -> Result<(String, Due), TextError> {
    let number = world.twilio.number(&text.to);
    let webhook = number.ok_or_else(|| TextError::To(text.to.clone()))?.webhook.clone();

    let keyword = Keyword::of(&text.body);
    let now = world.now();
    let draft = Draft {
        author: Author::Phone,
        from: text.from.clone(),
        to: text.to.clone(),
        body: text.body.clone(),
        media: text.media.iter().map(|medium| medium.url.to_string()).collect(),
        status_callback: None,
    };
    let message = Message::new(draft, now);
    let fields = fields(world, &text, &message, keyword);
    let call = Call::new(Event::Inbound, &message.sid, webhook, &fields);
    let sid = message.sid.clone();
    world.twilio.messages.push(message);
    let call = Due::record(world, call);

    if let Some(keyword) = keyword.filter(|&keyword| apply(world, keyword, &text))
        && world.twilio.settings.automatic_replies
    {
        let draft = Draft {
            author: Author::Twilio,
            from: text.to,
            to: text.from,
            body: keyword.reply().to_owned(),
            media: Vec::new(),
            status_callback: None,
        };
        world.twilio.messages.push(Message::new(draft, now));
    }
    Ok((sid, call))
}

/// Does what a keyword says, and tells whether Twilio has something to answer.
///
/// Twilio documents that HELP is not answered to a phone that opted out. That a
/// STOP or START which changes nothing is not answered either is assumed.
fn apply(world: &mut World, keyword: Keyword, text: &Text) -> bool {
    let pair = (text.to.clone(), text.from.clone());
    match keyword {
        Keyword::Stop => world.twilio.opt_outs.insert(pair),
        Keyword::Start => world.twilio.opt_outs.remove(&pair),
        Keyword::Help => !world.twilio.opt_outs.contains(&pair),
    }
}

/// The form of the webhook, with the fields and the order Twilio has.
fn fields(world: &World, text: &Text, message: &Message, keyword: Option<Keyword>) -> Fields {
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
    if world.twilio.settings.advanced_opt_out
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
    if world.twilio.settings.advanced_opt_out {
        fields.add("MessagingServiceSid", format!("MG{MESSAGING_SERVICE:032x}"));
    }
    fields.add("ToZip", "");
    fields.add("NumSegments", message.segments.to_string());
    fields.add("MessageSid", &message.sid);
    fields.add("AccountSid", &world.twilio.sid);
    fields.add("From", &text.from);
    for (index, medium) in text.media.iter().enumerate() {
        fields.add(format!("MediaUrl{index}"), medium.url.as_str());
    }
    fields.add("ApiVersion", API_VERSION);
    fields
}

/// Calls the webhook, and sends the texts its answer asks for.
pub(super) async fn deliver(shared: &Arc<Shared>, call: &Due) {
    let (outcome, mut troubles) = call.attempt(shared).await;
    let replies = match &outcome {
        Outcome::Answered { status: status @ 200..300, content_type, body } => {
            let (replies, unreadable) = twiml::read(*status, content_type.as_deref(), body);
            troubles.extend(unreadable);
            replies
        }
        _ => Vec::new(),
    };
    let sids = shared.change(|world| {
        let mut sids = Vec::new();
        for reply in replies {
            match send(world, call.message_sid(), reply) {
                Ok(sid) => sids.push(sid),
                Err(trouble) => troubles.push(trouble),
            }
        }
        call.end(world, &outcome, troubles);
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
fn send(world: &mut World, inbound: &str, reply: Reply) -> Result<String, Trouble> {
    let Some(inbound) = world.twilio.message(inbound) else {
        // Forgotten: a log this full has dropped the conversation's beginning.
        return Err(Trouble { code: None, message: "The inbound text is gone.".to_owned() });
    };
    let to = reply.to.unwrap_or_else(|| inbound.from.clone());
    let from = reply.from.unwrap_or_else(|| inbound.to.clone());
    if !is_phone_number(&to) {
        return Err(Trouble::new(14101, format!("Invalid To attribute {to:?}.")));
    }
    if world.twilio.number(&from).is_none() {
        return Err(Trouble::new(14102, format!("Invalid From attribute {from:?}.")));
    }
    if reply.body.chars().count() > BODY_LIMIT {
        return Err(Trouble::new(21617, "The message body exceeds the character limit."));
    }
    if world.twilio.is_opted_out(&from, &to) {
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
    let message = Message::new(draft, world.now());
    let sid = message.sid.clone();
    world.twilio.messages.push(message);
    Ok(sid)
}
