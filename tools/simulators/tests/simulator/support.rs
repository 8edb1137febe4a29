//! A simulator to test, a product for it to call, and a client for its own API.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use simulators::{
    Options, Simulator, World,
    twilio::{self, Number, Settings, behaviour::Behaviour, webhook::Delivery},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use url::Url;

/// The shop's number.
pub(crate) const SHOP: &str = "+15145550100";

/// The lead's number.
pub(crate) const LEAD: &str = "+15145550123";

/// The account's auth token.
pub(crate) const AUTH_TOKEN: &str = "primary-token";

/// The auth token that is being rotated in.
pub(crate) const SECONDARY_AUTH_TOKEN: &str = "secondary-token";

/// Longer than anything here takes, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a simulator that loses no time, and knows no number.
pub(crate) async fn start() -> Simulator {
    let settings = Settings {
        callback_delay_milliseconds: 0,
        retry_pause_milliseconds: 0,
        ..Settings::default()
    };
    let twilio = twilio::Options {
        auth_token: AUTH_TOKEN.into(),
        secondary_auth_token: Some(SECONDARY_AUTH_TOKEN.into()),
        settings,
        ..twilio::Options::default()
    };
    Simulator::start(Options { twilio, ..Options::default() }).await.unwrap()
}

/// Starts a simulator, and a product that it calls for [`SHOP`].
pub(crate) async fn start_with_product() -> (Simulator, Product) {
    let simulator = start().await;
    let product = Product::start().await;
    product.serve_shop(&simulator, "/api/sms/inbound");
    (simulator, product)
}

/// Orders one behaviour of the Messages API.
pub(crate) fn order(simulator: &Simulator, behaviour: Behaviour) {
    simulator.change(|world| world.twilio.behaviours.set([behaviour]));
}

/// Waits until all webhooks about a message are done, at least `count` of them.
pub(crate) async fn deliveries(simulator: &Simulator, sid: &str, count: usize) -> Vec<Delivery> {
    let about = |world: &World| -> Vec<Delivery> {
        let all = world.twilio.deliveries.iter();
        all.filter(|delivery| delivery.call.message_sid == sid).cloned().collect()
    };
    simulator
        .wait_for("webhooks", PATIENCE, |world| {
            let found = about(world);
            let is_done =
                found.iter().all(|one| one.state != twilio::webhook::DeliveryState::Running);
            (found.len() >= count && is_done).then_some(found)
        })
        .await
        .unwrap()
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answered {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Makes a request; nothing comes back if there is no whole response.
pub(crate) async fn try_request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answered> {
    let url = Url::parse(url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(&url[url::Position::BeforePath..])
        .header("host", url.authority());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some(Answered {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}

/// Makes a request that is answered.
pub(crate) async fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answered {
    try_request(method, url, headers, body).await.unwrap()
}

/// A value of HTTP's Basic authentication.
pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

/// The product as the Messages API sees it: with the account's API key.
pub(crate) struct Twilio {
    base: String,
    authorization: String,
}

impl Twilio {
    pub(crate) fn of(simulator: &Simulator) -> Self {
        let options = twilio::Options::default();
        Self {
            base: format!(
                "{}/2010-04-01/Accounts/{}",
                simulator.twilio_api_url(),
                options.account_sid
            ),
            authorization: basic(&options.api_key_sid, "local-api-key-secret"),
        }
    }

    /// The address of a path below the account, e.g. `/Messages.json`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Makes a request with a form; nothing comes back if there is no response.
    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Option<Answered> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        try_request(method, &self.url(path), &headers, &form).await
    }

    /// Makes a request that is answered.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answered {
        self.try_call(method, path, fields).await.unwrap()
    }

    /// Sends a text from the shop to the lead.
    pub(crate) async fn send(&self, body: &str, callback: Option<&Url>) -> Answered {
        self.try_send(body, callback).await.unwrap()
    }

    /// Sends a text; nothing comes back if there is no response.
    pub(crate) async fn try_send(&self, body: &str, callback: Option<&Url>) -> Option<Answered> {
        let mut fields = vec![("To", LEAD), ("From", SHOP), ("Body", body)];
        if let Some(callback) = callback {
            fields.push(("StatusCallback", callback.as_str()));
        }
        self.try_call(Method::POST, "/Messages.json", &fields).await
    }

    /// The bodies of all listed texts, newest first.
    pub(crate) async fn bodies(&self) -> Vec<String> {
        let list = self.call(Method::GET, "/Messages.json", &[]).await.json();
        let messages = list["messages"].as_array().unwrap();
        messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
    }
}

/// What the product answers a call with.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Respond { status: u16, content_type: &'static str, body: &'static str },
    HangUp,
    Stall,
}

impl Answer {
    /// A bare status.
    pub(crate) fn status(status: u16) -> Self {
        Self::Respond { status, content_type: "text/plain", body: "" }
    }

    /// TwiML.
    pub(crate) fn twiml(body: &'static str) -> Self {
        Self::Respond { status: 200, content_type: "text/xml", body }
    }
}

/// A call the product got.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) form: String,
}

impl Call {
    /// The fields of the form, in their order.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.form.as_bytes()).into_owned().collect()
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        self.fields().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A product that keeps what it is called with, and answers as it is told.
pub(crate) struct Product {
    pub(crate) url: Url,
    calls: Arc<watch::Sender<Vec<Call>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    server: JoinHandle<()>,
}

impl Product {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let calls = Arc::new(watch::Sender::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let server = tokio::spawn(serve(listener, Arc::clone(&calls), Arc::clone(&answers)));
        Self { url, calls, answers, server }
    }

    /// Has the simulator call this product at `path` when [`SHOP`] is texted.
    pub(crate) fn serve_shop(&self, simulator: &Simulator, path: &str) {
        let webhook = self.url.join(path).unwrap();
        simulator.set_numbers(vec![Number { number: SHOP.to_owned(), webhook }]);
    }

    /// What the next calls are answered with. Without any, it is `<Response/>`.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// Where the product is told of statuses.
    pub(crate) fn callback(&self) -> Url {
        self.url.join("/api/sms/status?message=1").unwrap()
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Waits for at least `count` calls.
    pub(crate) async fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        let mut calls = self.calls.subscribe();
        let calls = tokio::time::timeout(PATIENCE, calls.wait_for(|calls| calls.len() >= count));
        calls.await.unwrap().unwrap().clone()
    }

    /// The value of a field in every call so far.
    pub(crate) fn told(&self, field: &str) -> Vec<String> {
        self.calls().iter().filter_map(|call| call.field(field)).collect()
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    listener: TcpListener,
    calls: Arc<watch::Sender<Vec<Call>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (calls, answers) = (Arc::clone(&calls), Arc::clone(&answers));
        let service = service_fn(move |request: Request<Incoming>| {
            let (calls, answers) = (Arc::clone(&calls), Arc::clone(&answers));
            async move {
                let (head, body) = request.into_parts();
                let form = body.collect().await.unwrap().to_bytes();
                let answer = answers.lock().unwrap().pop_front();
                calls.send_modify(|calls| {
                    calls.push(Call {
                        path_and_query: head.uri.to_string(),
                        headers: head.headers,
                        form: String::from_utf8(form.to_vec()).unwrap(),
                    });
                });
                match answer.unwrap_or(Answer::twiml("<Response/>")) {
                    Answer::Respond { status, content_type, body } => Ok(Response::builder()
                        .status(status)
                        .header("content-type", content_type)
                        .body(Full::new(Bytes::from(body)))
                        .unwrap()),
                    Answer::HangUp => Err("hung up"),
                    Answer::Stall => std::future::pending().await,
                }
            }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}
