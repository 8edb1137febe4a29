//! What we read of an event: which it is, and which subscription it is about.
//!
//! An event is a hint to ask Stripe, and nothing more of it is used. So what it
//! says of the subscription's state is not even parsed, and the shape it has in
//! this or that version of the API matters only for where the id stands.
//!
//! - Snapshot events: <https://docs.stripe.com/api/events/object>
//! - Thin events: <https://docs.stripe.com/api/v2/core/events>

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use thiserror::Error;

use super::{
    API_VERSION,
    id::{EventId, SubscriptionId},
};

/// Why a genuine body is not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EventError {
    /// The body is not JSON, or not of an event's shape.
    #[error("the body is not an event")]
    Malformed,
    /// The event's id is not one that Stripe gives.
    #[error("the event's id is not valid")]
    Id,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Which event it is.
    pub id: EventId,
    /// What it says has happened, e.g. `customer.subscription.updated`.
    pub kind: Cow<'a, str>,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The version it is written in, if that is another than [`API_VERSION`].
    pub other_version: Option<Cow<'a, str>>,
    /// The subscription it is about, if it is about one of ours.
    pub subscription_id: Option<SubscriptionId>,
}

/// A page of Stripe's list of events.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
    #[serde(borrow)]
    data: Vec<Envelope<'a>>,
    /// Whether there are older events than these.
    pub has_more: bool,
}

/// An event as Stripe writes it, of either kind.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    object: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    livemode: bool,
    #[serde(borrow, default)]
    api_version: Node<'a>,
    /// A connected account the event is about. We have none.
    #[serde(borrow, default)]
    account: Node<'a>,
    /// Of a snapshot event: the object as it was, and what it was before.
    #[serde(borrow, default)]
    data: Node<'a>,
    /// Of a thin event.
    #[serde(borrow, default)]
    related_object: Node<'a>,
}

/// Any value, of which a text is kept, and the places on the way to an id.
#[derive(Debug, Default)]
enum Node<'a> {
    Text(Cow<'a, str>),
    Object(Box<Fields<'a>>),
    #[default]
    Other,
}

/// All places where an event may say what it is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    object: Node<'a>,
    id: Node<'a>,
    subscription: Node<'a>,
    parent: Node<'a>,
    subscription_details: Node<'a>,
}

impl<'a> Event<'a> {
    /// Reads a verified body.
    pub fn parse(body: &'a [u8]) -> Result<Self, EventError> {
        serde_json::from_slice::<Envelope<'a>>(body).map_err(|_| EventError::Malformed)?.open()
    }

    /// Whether it says that the subscription is over.
    pub fn is_deletion(&self) -> bool {
        let kind = self.kind.strip_prefix("v1.").unwrap_or(&self.kind);
        kind == "customer.subscription.deleted"
    }
}

impl<'a> Page<'a> {
    /// Reads a page of the list.
    pub fn parse(body: &'a [u8]) -> Result<Self, EventError> {
        serde_json::from_slice(body).map_err(|_| EventError::Malformed)
    }

    /// The events, the newest first.
    pub fn events(self) -> Result<Vec<Event<'a>>, EventError> {
        self.data.into_iter().map(Envelope::open).collect()
    }
}

impl<'a> Envelope<'a> {
    fn open(self) -> Result<Event<'a>, EventError> {
        let subscription_id = match self.object.as_ref() {
            "event" => self.data.fields().and_then(|data| subscription_of(&data.object)),
            "v2.core.event" => self.related_object.id(),
            _ => return Err(EventError::Malformed),
        };
        let is_ours = self.account.text().is_none();
        Ok(Event {
            id: EventId::parse(&self.id).ok_or(EventError::Id)?,
            subscription_id: subscription_id.filter(|_| is_ours).and_then(SubscriptionId::parse),
            kind: self.kind,
            livemode: self.livemode,
            other_version: match self.api_version {
                Node::Text(version) if version != API_VERSION => Some(version),
                _ => None,
            },
        })
    }
}

/// The id in the object a snapshot is of. An invoice names its subscription in
/// `subscription`, and since 2025-03-31.basil in its `parent`.
fn subscription_of<'a>(object: &'a Node<'_>) -> Option<&'a str> {
    let fields = object.fields()?;
    if fields.object.text() == Some("subscription") {
        return fields.id.text();
    }
    let in_parent = || fields.parent.fields()?.subscription_details.fields()?.subscription.id();
    fields.subscription.id().or_else(in_parent)
}

impl<'a> Node<'a> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn fields(&self) -> Option<&Fields<'a>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// An id, or that of the object that Stripe was told to put in its place.
    fn id(&self) -> Option<&str> {
        self.text().or_else(|| self.fields()?.id.text())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Node<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(Node::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Node::Other)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;

    use super::*;

    const SUBSCRIPTION: &str = "sub_1PdemoMileEndBikes0001";

    /// A payload as Stripe sends it.
    fn payload(file: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/stripe");
        fs::read(folder.join(file)).unwrap()
    }

    #[test]
    fn every_payload_names_its_subscription_in_every_version() {
        for version in ["2024-06-20", "2025-03-31.basil", API_VERSION] {
            for kind in [
                "checkout.session.completed",
                "customer.subscription.created",
                "customer.subscription.updated",
                "customer.subscription.deleted",
                "customer.subscription.paused",
                "customer.subscription.resumed",
                "customer.subscription.trial_will_end",
                "invoice.paid",
                "invoice.payment_failed",
            ] {
                let body = payload(&format!("{version}/{kind}.json"));
                let event = Event::parse(&body).unwrap();
                assert!(event.id.as_str().starts_with("evt_1PdemoEvent"), "{version} {kind}");
                assert_eq!(event.kind, kind);
                assert!(!event.livemode);
                let other = (version != API_VERSION).then_some(version);
                assert_eq!(event.other_version.as_deref(), other, "{kind}");
                let id = event.subscription_id.as_ref().map(|id| id.as_str());
                assert_eq!(id, Some(SUBSCRIPTION), "{version} {kind}");
                assert_eq!(event.is_deletion(), kind == "customer.subscription.deleted");
                // Nothing is copied but the ids.
                assert!(matches!(event.kind, Cow::Borrowed(_)));
            }
        }
    }

    #[track_caller]
    fn check(body: &[u8], kind: &str, subscription: Option<&str>) {
        let event = Event::parse(body).unwrap();
        let id = event.subscription_id.as_ref().map(|id| id.as_str());
        assert_eq!((event.kind.as_ref(), id), (kind, subscription));
    }

    #[test]
    fn thin_events_name_what_is_to_be_asked_for() {
        let (updated, deleted, customer) = (
            payload("thin/v1.customer.subscription.updated.json"),
            payload("thin/v1.customer.subscription.deleted.json"),
            payload("thin/v1.customer.updated.json"),
        );
        check(&updated, "v1.customer.subscription.updated", Some(SUBSCRIPTION));
        check(&deleted, "v1.customer.subscription.deleted", Some(SUBSCRIPTION));
        check(&customer, "v1.customer.updated", None);
        assert!(Event::parse(&deleted).unwrap().is_deletion());
        assert_eq!(Event::parse(&updated).unwrap().other_version, None);
    }

    fn event(object: &str) -> String {
        format!(
            r#"{{"object":"event","id":"evt_1","type":"a.b","livemode":false,"data":{{"object":{object}}}}}"#
        )
    }

    #[test]
    fn whatever_an_event_is_about_only_a_subscription_counts() {
        let refund = payload(&format!("{API_VERSION}/charge.refunded.json"));
        check(&refund, "charge.refunded", None);
        for (object, subscription) in [
            (r#"{"object":"subscription","id":"sub_1"}"#, Some("sub_1")),
            (r#"{"id":"sub_1","object":"subscription","subscription":"sub_2"}"#, Some("sub_1")),
            (r#"{"object":"subscription","id":"sub_a/../../v1/events"}"#, None),
            (r#"{"object":"subscription"}"#, None),
            (r#"{"object":"invoice","subscription":"sub_1"}"#, Some("sub_1")),
            (r#"{"object":"invoice","subscription":{"id":"sub_1","items":[]}}"#, Some("sub_1")),
            (r#"{"object":"invoice","subscription":null,"parent":null}"#, None),
            (r#"{"subscription":null,"parent":{"subscription_details":null}}"#, None),
            (r#"{"parent":{"subscription_details":{"subscription":"sub_1"}}}"#, Some("sub_1")),
            (
                r#"{"parent":{"subscription_details":{"subscription":{"id":"sub_1"}}}}"#,
                Some("sub_1"),
            ),
            (r#"{"parent":"sku_1","subscription":7}"#, None),
            (r#"{"parent":[1,{"subscription":"sub_1"}],"subscription":false}"#, None),
            (r#"{"subscription":"sub_\u0031"}"#, Some("sub_1")),
            (r#"{"description":"\ud83d\ude80 with \"quotes\" and 1e999"}"#, None),
            (r#""a text""#, None),
            ("null", None),
            ("[]", None),
        ] {
            check(event(object).as_bytes(), "a.b", subscription);
        }
        let connected = event(r#"{"object":"subscription","id":"sub_1"}"#)
            .replace(r#""livemode""#, r#""account":"acct_1","livemode""#);
        check(connected.as_bytes(), "a.b", None);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let good = event("{}");
        for bad in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            good.replace(r#""object":"event""#, r#""object":"charge""#),
            good.replace(r#""object":"event","#, ""),
            good.replace(r#""livemode":false"#, r#""livemode":"false""#),
            good.replace(r#","livemode":false"#, ""),
            good.replace(r#""type":"a.b""#, r#""type":null"#),
            good.replace(r#""id":"evt_1""#, r#""id":"evt_1","id":"evt_2""#),
            good.replace(r#""data""#, r#""livemode":true,"data""#),
            format!("{good}x"),
            format!("\u{feff}{good}"),
            good[..good.len() - 1].to_owned(),
            event(&"[".repeat(100_000)),
        ] {
            assert_eq!(Event::parse(bad.as_bytes()), Err(EventError::Malformed), "{bad:.200}");
        }
        for id in ["", "evt_", "sub_1", "evt_1/2", "evt_1 "] {
            let bad = good.replace("evt_1", id);
            assert_eq!(Event::parse(bad.as_bytes()), Err(EventError::Id), "{id}");
        }
    }

    #[test]
    fn a_page_is_a_list_of_events() {
        let page = format!(
            r#"{{"object":"list","data":[{},{}],"has_more":true,"url":"/v1/events"}}"#,
            event(r#"{"object":"subscription","id":"sub_2"}"#),
            event("{}"),
        );
        let page = Page::parse(page.as_bytes()).unwrap();
        assert!(page.has_more);
        let ids: Vec<_> =
            page.events().unwrap().into_iter().map(|event| event.subscription_id).collect();
        assert_eq!(ids, [SubscriptionId::parse("sub_2"), None]);
        assert!(Page::parse(b"{}").is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = Event::parse(&body);
        }

        #[test]
        fn no_change_of_a_genuine_body_makes_it_panic(at in 0..6000_usize, byte in any::<u8>()) {
            let mut body = payload("2024-06-20/invoice.paid.json");
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            let _ = Event::parse(&body);
        }
    }
}
