//! Events: what changed, when, and how it was before.
//!
//! An event keeps the object as it was, and is rendered in the version that is
//! asked for.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    card::Card, checkout::Session, customer::Customer, invoice::Invoice,
    subscription::Subscription, version::Version,
};

/// How long events can be read: 30 days.
pub(super) const KEPT: i64 = 30 * 86_400;

/// Something that changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// What changed, e.g. `customer.subscription.updated`.
    pub kind: &'static str,
    /// When, in seconds.
    pub created: i64,
    /// The object after that.
    pub object: Object,
    /// The object before that, where it was changed.
    pub before: Option<Object>,
    /// The request that changed it, if it was one.
    pub cause: Option<Cause>,
}

/// A request that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `req_…`
    pub request: String,
    /// The key it came with.
    pub idempotency_key: Option<String>,
}

/// An object as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A customer.
    Customer(Box<Customer>),
    /// A card.
    Card(Box<Card>),
    /// A session of Checkout.
    Session(Box<Session>),
    /// A subscription.
    Subscription(Box<Subscription>),
    /// An invoice.
    Invoice(Box<Invoice>),
}

impl Object {
    /// The id of the object.
    pub fn id(&self) -> &str {
        match self {
            Self::Customer(customer) => &customer.id,
            Self::Card(card) => &card.id,
            Self::Session(session) => &session.id,
            Self::Subscription(subscription) => &subscription.id,
            Self::Invoice(invoice) => &invoice.id,
        }
    }

    /// Stripe's name for what it is, and where its kind is in the API.
    fn place(&self) -> (&'static str, &'static str) {
        match self {
            Self::Customer(_) => ("customer", "customers"),
            Self::Card(_) => ("payment_method", "payment_methods"),
            Self::Session(_) => ("checkout.session", "checkout/sessions"),
            Self::Subscription(_) => ("subscription", "subscriptions"),
            Self::Invoice(_) => ("invoice", "invoices"),
        }
    }

    /// The API's object.
    pub(super) fn resource(&self, version: &Version, livemode: bool) -> Value {
        match self {
            Self::Customer(customer) => customer.resource(livemode),
            Self::Card(card) => card.resource(livemode),
            Self::Session(session) => session.resource(livemode),
            Self::Subscription(subscription) => subscription.resource(version, livemode),
            Self::Invoice(invoice) => invoice.resource(version, livemode),
        }
    }
}

impl Event {
    /// The event with the object in it.
    pub(super) fn snapshot(&self, version: &Version, livemode: bool, pending: usize) -> Value {
        let object = self.object.resource(version, livemode);
        let mut data = json!({ "object": object });
        if let (Some(before), Some(data)) = (&self.before, data.as_object_mut()) {
            let changed = changed(&before.resource(version, livemode), &object);
            data.insert("previous_attributes".to_owned(), changed);
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": version.as_str(),
            "created": self.created,
            "data": data,
            "livemode": livemode,
            "pending_webhooks": pending,
            "request": {
                "id": self.cause.as_ref().map(|cause| &cause.request),
                "idempotency_key": self.cause.as_ref().and_then(|c| c.idempotency_key.as_ref()),
            },
            "type": self.kind,
        })
    }

    /// The event with a reference to the object.
    /// <https://docs.stripe.com/event-destinations#thin-events>
    pub(super) fn thin(&self, livemode: bool) -> Value {
        let (kind, path) = self.object.place();
        let id = self.object.id();
        let created = Timestamp::from_second(self.created).unwrap_or(Timestamp::UNIX_EPOCH);
        json!({
            "id": self.thin_id(),
            "object": "v2.core.event",
            "context": null,
            "created": format!("{created:.3}"),
            "livemode": livemode,
            "reason": self.cause.as_ref().map(|cause| json!({
                "type": "request",
                "request": { "id": cause.request, "idempotency_key": cause.idempotency_key },
            })),
            "related_object": { "id": id, "type": kind, "url": format!("/v1/{path}/{id}") },
            "snapshot_event": self.id,
            "type": format!("v1.{}", self.kind),
        })
    }

    /// The id of the thin event, which is another one.
    fn thin_id(&self) -> String {
        self.id.replacen("evt_", "evt_test_", 1)
    }
}

/// The values `after` does not have any more, nested as they are in `before`.
fn changed(before: &Value, after: &Value) -> Value {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return before.clone();
    };
    let mut changes = Map::new();
    for (name, value) in before {
        let now = after.get(name).unwrap_or(&Value::Null);
        if value != now {
            changes.insert(name.clone(), changed(value, now));
        }
    }
    // What is new had no value before.
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        changes.insert(name.clone(), Value::Null);
    }
    Value::Object(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_attributes_are_those_that_changed() {
        for (before, after, changes) in [
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1, "b": 3 }), json!({ "b": 2 })),
            (
                json!({ "m": { "x": 1, "y": 2 } }),
                json!({ "m": { "x": 1, "z": 3 } }),
                json!({ "m": { "y": 2, "z": null } }),
            ),
            (json!({ "l": [1, 2] }), json!({ "l": [1] }), json!({ "l": [1, 2] })),
            (json!({ "p": null }), json!({ "p": { "x": 1 } }), json!({ "p": null })),
            (json!({ "p": { "x": 1 } }), json!({ "p": null }), json!({ "p": { "x": 1 } })),
            (json!({ "a": 1 }), json!({ "a": 1 }), json!({})),
        ] {
            assert_eq!(changed(&before, &after), changes);
        }
    }
}
