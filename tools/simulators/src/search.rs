//! What the providers still hold of somebody.
//!
//! Searched is what a provider keeps, not what this simulator noted of requests to
//! it; of Groq, which keeps nothing, what it was told.

use std::collections::BTreeMap;

use leadslock::data::scan::Identifiers;

use super::world::World;

/// In how many objects any of `identifiers` is, by place.
pub(super) fn search(world: &World<'_>, identifiers: &Identifiers) -> BTreeMap<&'static str, u64> {
    let mut hits = BTreeMap::new();
    let mut look = |place, text: &str| {
        if identifiers.are_in(text) {
            *hits.entry(place).or_default() += 1;
        }
    };
    for message in world.twilio.messages.iter().filter(|message| !message.is_deleted) {
        look("twilio: numbers of texts", &format!("{}\n{}", message.from, message.to));
        look("twilio: bodies of texts", &message.body);
    }
    for media in world.twilio.media.iter().filter(|media| !media.is_deleted) {
        look("twilio: media", &String::from_utf8_lossy(&media.content));
    }
    let livemode = world.stripe.settings.livemode;
    for customer in world.stripe.customers.iter() {
        look("stripe: customers", &customer.resource(livemode).to_string());
    }
    for request in world.groq.requests.iter() {
        look("groq: prompts", &request.body.to_string());
    }
    hits
}
