//! The product as Stripe's API sees it, and a few of the things people do.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use simulators::{
    Options, Simulator, World,
    stripe::{self, Settings, webhook::DeliveryState},
};

use crate::support::{Answered, PATIENCE, Product, request, try_request};

/// A card whose charges succeed.
pub(crate) const GOOD_CARD: &str = "4242 4242 4242 4242";

/// A card that is attached, and whose charges fail.
pub(crate) const FAILING_CARD: &str = "4000000000000341";

/// A card that is declined at once.
pub(crate) const DECLINED_CARD: &str = "4000000000000002";

/// A card whose owner is asked.
pub(crate) const ASKING_CARD: &str = "4000002760003184";

/// The secret that signs, and the one to come.
pub(crate) const SECRET: &str = "whsec_primary+/=";
pub(crate) const NEXT_SECRET: &str = "whsec_next";

/// A day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// An older version of the API.
pub(crate) const OLD_VERSION: &str = "2024-06-20";

/// A simulator whose deliveries lose no time, and a client of its API.
pub(crate) struct Stripe {
    pub(crate) simulator: Simulator,
    authorization: String,
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let settings = Settings { retry_pauses_milliseconds: vec![0, 0], ..Settings::default() };
        let stripe = stripe::Options {
            webhook_secret: SECRET.into(),
            next_webhook_secret: NEXT_SECRET.into(),
            settings,
            ..stripe::Options::default()
        };
        let simulator = Simulator::start(Options { stripe, ..Options::default() }).await.unwrap();
        Self { simulator, authorization: "Bearer sk_test_local".to_owned() }
    }

    /// Starts a simulator, and a product that its events are delivered to.
    pub(crate) async fn start_with_product() -> (Self, Product) {
        let (stripe, product) = (Self::start().await, Product::start().await);
        let endpoint = product.url.join("/api/stripe/event").unwrap();
        stripe.simulator.set_stripe_endpoint(endpoint);
        (stripe, product)
    }

    /// The address of a path of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.stripe_api_url())
    }

    /// Makes a request with these headers besides; nothing comes back if there is no
    /// whole response.
    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Option<Answered> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut headers = vec![
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.extend(more);
        let (url, body) = if method == Method::POST {
            (self.url(path), form)
        } else {
            (format!("{}?{form}", self.url(path)), String::new())
        };
        try_request(method, &url, &headers, &body).await
    }

    /// Makes a request that is answered.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answered {
        self.try_call(method, path, fields, &[]).await.unwrap()
    }

    /// Reads something that is there.
    pub(crate) async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let answered = self.call(Method::GET, path, fields).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.body);
        answered.json()
    }

    /// Does something that succeeds.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let answered = self.call(Method::POST, path, fields).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.body);
        answered.json()
    }

    /// Creates a customer, and returns its id.
    pub(crate) async fn customer(&self, card: Option<&str>) -> String {
        let mut fields = vec![("email", "owner@example.com")];
        fields.extend(card.map(|card| ("payment_method", card)));
        id(&self.post("/v1/customers", &fields).await)
    }

    /// Subscribes a new customer in Checkout, with `more` in the session; returns the
    /// subscription's id and the customer's.
    pub(crate) async fn subscribe(&self, card: &str, more: &[(&str, &str)]) -> (String, String) {
        let customer = self.customer(None).await;
        let session = self.session(&[&[("customer", customer.as_str())], more].concat()).await;
        let path = format!("/stripe/sessions/{}/complete", id(&session));
        let completed = self.control(Method::POST, &path, json!({ "card": card })).await;
        assert_eq!(completed.status, 200, "{}", completed.body);
        (completed.json()["subscription"].as_str().unwrap().to_owned(), customer)
    }

    /// Makes a call of the control API.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Answered {
        let url = format!("{}control{path}", self.simulator.url());
        let (headers, body) = match body {
            Value::Null => (Vec::new(), String::new()),
            body => (vec![("content-type", "application/json")], body.to_string()),
        };
        request(method, &url, &headers, &body).await
    }

    /// Gives a customer another card.
    pub(crate) async fn replace_card(&self, customer: &str, card: &str) {
        let path = format!("/stripe/customers/{customer}/card");
        let replaced = self.control(Method::POST, &path, json!({ "card": card })).await;
        assert_eq!(replaced.status, 200, "{}", replaced.body);
    }

    /// Opens a session of Checkout.
    pub(crate) async fn session(&self, more: &[(&str, &str)]) -> Value {
        let fields = [
            ("mode", "subscription"),
            ("line_items[0][price]", "price_local_month"),
            ("line_items[0][quantity]", "1"),
            ("success_url", "http://127.0.0.1:3000/console?paid={CHECKOUT_SESSION_ID}"),
            ("cancel_url", "http://127.0.0.1:3000/console"),
        ];
        self.post("/v1/checkout/sessions", &[&fields, more].concat()).await
    }

    /// A subscription as it is now.
    pub(crate) async fn subscription(&self, id: &str) -> Value {
        self.get(&format!("/v1/subscriptions/{id}"), &[]).await
    }

    /// Its status now.
    pub(crate) async fn status(&self, id: &str) -> String {
        self.subscription(id).await["status"].as_str().unwrap().to_owned()
    }

    /// Moves the clock to `second`, or a little later.
    pub(crate) fn travel_to(&self, second: i64) {
        let (offset, now) =
            self.simulator.read(|world| (world.clock_offset, world.now().as_second()));
        let by = u64::try_from(second - now).unwrap();
        self.simulator.set_clock_offset(offset + Duration::from_secs(by));
    }

    /// Changes how the account is set.
    pub(crate) fn set(&self, set: impl FnOnce(&mut Settings)) {
        self.simulator.change(|world| set(&mut world.stripe.settings));
    }

    /// Type, and seconds after `since`, of all events from then on, oldest first.
    pub(crate) fn events_since(&self, since: i64) -> Vec<(&'static str, i64)> {
        self.simulator.read(|world| {
            let events = world.stripe.events.iter().filter(|event| event.created >= since);
            events.map(|event| (event.kind, event.created - since)).collect()
        })
    }

    /// Waits until no delivery is under way, and there are at least `count`.
    pub(crate) async fn settled(&self, count: usize) {
        let is_settled = |world: &World| {
            let all = &world.stripe.deliveries;
            let is_running = all.iter().any(|one| one.state == DeliveryState::Running);
            (all.len() >= count && !is_running).then_some(())
        };
        self.simulator.wait_for("deliveries", PATIENCE, is_settled).await.unwrap();
    }

    /// Makes a request of a browser to a page.
    pub(crate) async fn browse(
        &self,
        method: Method,
        url: &str,
        form: &[(&str, &str)],
    ) -> Answered {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        request(method, url, &headers, &form).await
    }
}

/// The id of an object.
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
