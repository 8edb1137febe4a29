//! Both sides of what a phone and a shop have texted each other.

use serde::{Deserialize, Serialize};

use super::{
    twilio::{
        message::{Author, Message, Status},
        webhook::{Delivery, DeliveryState},
    },
    world::World,
};

/// A conversation, as the phone shows it and as Twilio saw it.
#[derive(Debug, Clone, Serialize)]
pub struct Conversation {
    /// The phone's number.
    pub phone: String,
    /// The shop's number.
    pub shop: String,
    /// Whether the phone opted out of the shop's texts, at Twilio.
    pub is_opted_out: bool,
    /// The texts, oldest first.
    pub texts: Vec<Text>,
    /// The state of the world this was read from; see [`World::version`].
    pub version: u64,
}

/// A text of a conversation.
#[derive(Debug, Clone, Serialize)]
pub struct Text {
    /// The text itself.
    #[serde(flatten)]
    pub message: Message,
    /// The webhooks called about it, oldest first.
    pub webhooks: Vec<Delivery>,
}

/// What to wait for in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// The product answered the phone's last text.
    Answered,
    /// The product's answer to the phone's last text arrived.
    Delivered,
    /// Nothing is under way: all webhooks are done, all texts at their end.
    Settled,
}

impl Conversation {
    /// The conversation between these two numbers.
    pub fn of(world: &World<'_>, phone: &str, shop: &str) -> Self {
        let texts = world.twilio.messages.iter().filter(|message| {
            (message.from == phone && message.to == shop)
                || (message.from == shop && message.to == phone)
        });
        let webhooks = |message: &Message| {
            let deliveries = world.twilio.deliveries.iter();
            deliveries
                .filter(|delivery| delivery.call.message_sid == message.sid)
                .cloned()
                .collect()
        };
        Self {
            phone: phone.to_owned(),
            shop: shop.to_owned(),
            is_opted_out: world.twilio.is_opted_out(shop, phone),
            texts: texts
                .map(|message| Text { message: message.clone(), webhooks: webhooks(message) })
                .collect(),
            version: world.version,
        }
    }

    /// The product's texts since the phone's last one, oldest first.
    pub fn answers(&self) -> &[Text] {
        let last = self.texts.iter().rposition(|text| text.message.author == Author::Phone);
        let since = last.map_or(0, |last| last + 1);
        self.texts.get(since..).unwrap_or_default()
    }

    /// Whether the conversation is in the state waited for.
    pub fn is(&self, until: Until) -> bool {
        let mut answers = self.answers().iter().filter(|text| text.is_by_product());
        match until {
            Until::Answered => answers.next().is_some(),
            Until::Delivered => {
                answers.next_back().is_some_and(|text| text.message.status == Status::Delivered)
            }
            Until::Settled => self.texts.iter().all(Text::is_settled),
        }
    }
}

impl Text {
    /// Whether the product wrote it, rather than the phone or Twilio.
    pub fn is_by_product(&self) -> bool {
        matches!(self.message.author, Author::Product | Author::Twiml)
    }

    fn is_settled(&self) -> bool {
        let is_done = |delivery: &Delivery| delivery.state != DeliveryState::Running;
        self.message.status.is_final() && self.webhooks.iter().all(is_done)
    }
}

/// Two numbers that texted each other, for a list of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The phone's number.
    pub phone: String,
    /// The shop's number.
    pub shop: String,
}

/// The pairs that texted each other, whoever texted last first.
pub fn pairs(world: &World<'_>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for message in world.twilio.messages.iter().rev() {
        let (phone, shop) = match message.author {
            Author::Phone => (&message.from, &message.to),
            Author::Product | Author::Twiml | Author::Twilio => (&message.to, &message.from),
        };
        if !pairs.iter().any(|pair| pair.phone == *phone && pair.shop == *shop) {
            pairs.push(Pair { phone: phone.clone(), shop: shop.clone() });
        }
    }
    pairs
}
