//! Stand-ins for the providers the product calls, behind the providers' own
//! HTTP interfaces, and a phone to text with.
//!
//! One server on one port: Twilio's Messages API below `/twilio`, Groq's below
//! `/groq`, Stripe's API and pages below `/stripe`, the phone's page at `/`, and
//! below `/control` everything the pages can do (documented in `CONTROL.md`). All
//! state is in memory, in one [`World`] for each [`Simulator`], so several run side
//! by side in a process.

mod caller;
mod control;
pub mod controls;
pub mod conversation;
pub mod groq;
mod log;
mod phone;
mod same_site;
mod script;
mod search;
mod server;
mod shared;
pub mod stripe;
pub mod twilio;
mod world;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use leadslock::data::scan::Identifiers;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

pub use self::{
    controls::Controls,
    log::Log,
    script::{Limited, Script},
    shared::Held,
    world::World,
};
use self::{conversation::Conversation, world::Providers};

/// What a simulator is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port of 127.0.0.1 to listen on; chosen by the system when `None`.
    pub port: Option<u16>,
    /// The Twilio account to stand in for.
    pub twilio: twilio::Options,
    /// The Groq account to stand in for.
    pub groq: groq::Options,
    /// The Stripe account to stand in for.
    pub stripe: stripe::Options,
}

/// Running simulators of Twilio, Groq and Stripe. They end when this value is dropped.
pub struct Simulator {
    url: Url,
    providers: Arc<Providers>,
    server: JoinHandle<()>,
    time: JoinHandle<()>,
}

impl Simulator {
    /// Starts the server. It knows no shop number and no other part of the stack
    /// until it is told: see [`Self::set_numbers`] and [`Self::set_controls`].
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let port = options.port.unwrap_or(0);
        let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| {
            format!("The simulators cannot listen on port {port}: is another program using it?")
        })?;
        let address = listener.local_addr().context("The simulators' port cannot be read.")?;
        let url = Url::parse(&format!("http://{address}"))
            .context("The simulators' address is not a URL.")?;

        let Options { twilio, groq, stripe, .. } = options;
        let providers = Arc::new(Providers::new(twilio, groq, stripe, &url));
        let router = axum::Router::new()
            .merge(phone::router())
            .nest("/control", control::router().with_state(Arc::clone(&providers)))
            .nest("/twilio", twilio::router().with_state(Arc::clone(&providers.twilio)))
            .nest("/groq", groq::router().with_state(Arc::clone(&providers.groq)))
            .nest("/stripe", stripe::router().with_state(Arc::clone(&providers.stripe)));
        let server = tokio::spawn(server::serve(listener, router));
        let time = tokio::spawn(stripe::time::keep(Arc::clone(&providers.stripe)));
        Ok(Self { url, providers, server, time })
    }

    /// Where the server listens, e.g. `http://127.0.0.1:3001/`: the phone's page.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The base of Twilio's API here: what `TWILIO_API_URL` is set to.
    pub fn twilio_api_url(&self) -> String {
        format!("{}twilio", self.url)
    }

    /// The base of Groq's API here: what `GROQ_API_URL` is set to.
    pub fn groq_api_url(&self) -> String {
        format!("{}groq", self.url)
    }

    /// The base of Stripe's API here: what `STRIPE_API_URL` is set to.
    pub fn stripe_api_url(&self) -> String {
        format!("{}stripe", self.url)
    }

    /// Gives the page and the control API their hold on the rest of the stack.
    pub async fn set_controls(&self, controls: Arc<dyn Controls>) -> anyhow::Result<()> {
        let offset = controls.clock_offset().await?;
        self.providers.common.set_controls(controls);
        self.set_clock_offset(offset);
        Ok(())
    }

    /// Replaces the account's phone numbers, and with them the webhooks called
    /// when somebody texts them.
    pub fn set_numbers(&self, numbers: Vec<twilio::Number>) {
        self.providers.twilio.change(|account| account.numbers = numbers);
    }

    /// Sets where Stripe's events are delivered to.
    pub fn set_stripe_endpoint(&self, endpoint: Url) {
        self.providers.stripe.change(|account| account.endpoint = Some(endpoint));
    }

    /// Sets how far the simulators' time is ahead. What becomes due at Stripe by that
    /// has happened when this returns.
    pub fn set_clock_offset(&self, offset: Duration) {
        stripe::time::set_clock(&self.providers.stripe, offset);
    }

    /// Looks at everything the simulators know.
    pub fn read<T>(&self, look: impl FnOnce(&World<'_>) -> T) -> T {
        self.providers.read(look)
    }

    /// In how many of the objects that providers keep any of `identifiers` is, by place.
    pub fn search(&self, identifiers: &Identifiers) -> BTreeMap<&'static str, u64> {
        self.read(|world| search::search(world, identifiers))
    }

    /// Changes what the simulators know or how they behave, and wakes who waits.
    pub fn change<T>(&self, change: impl FnOnce(&mut World<'_>) -> T) -> T {
        self.providers.change(change)
    }

    /// Waits until `condition` finds what it looks for, and returns that.
    ///
    /// `what` completes the sentence "waited … for" in the error. The condition
    /// is looked at again whenever anything changes, so this wakes at once.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        condition: impl FnMut(&World<'_>) -> Option<T>,
    ) -> anyhow::Result<T> {
        self.providers
            .wait(timeout, condition)
            .await
            .with_context(|| format!("waited {timeout:?} for {what}, in vain"))
    }

    /// Sends a text from a phone to a shop, and returns its `MessageSid`.
    ///
    /// An opt-out is on record before this returns. The shop's webhook is called in
    /// the background, opted out or not, as Twilio does.
    pub fn text(&self, from: &str, to: &str, body: &str) -> anyhow::Result<String> {
        self.text_with_media(from, to, body, Vec::new())
    }

    /// As [`Self::text`], with pictures and the like.
    pub fn text_with_media(
        &self,
        from: &str,
        to: &str,
        body: &str,
        media: Vec<twilio::inbound::Medium>,
    ) -> anyhow::Result<String> {
        let text = twilio::inbound::Text {
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            media,
        };
        Ok(twilio::inbound::receive(&self.providers.twilio, text)?)
    }

    /// Both sides of what a phone and a shop have texted each other.
    pub fn conversation(&self, phone: &str, shop: &str) -> Conversation {
        self.providers.read(|world| Conversation::of(world, phone, shop))
    }

    /// Waits until a conversation is in the state asked for.
    pub async fn wait_until(
        &self,
        phone: &str,
        shop: &str,
        until: conversation::Until,
        timeout: Duration,
    ) -> anyhow::Result<Conversation> {
        self.wait_for(&format!("a conversation to be {until:?}"), timeout, |world| {
            Some(Conversation::of(world, phone, shop)).filter(|now| now.is(until))
        })
        .await
    }

    /// Delivers a message's webhooks again, `times` times, each after the other
    /// or all at once.
    pub fn redeliver(&self, message_sid: &str, times: u32, at_once: bool) -> anyhow::Result<()> {
        Ok(twilio::redelivery::redeliver(&self.providers.twilio, message_sid, times, at_once)?)
    }

    /// Forgets all texts, requests, webhooks, opt-outs, customers and ordered
    /// behaviours, and drops webhooks under way. Numbers, prices, credentials and the
    /// clock stay.
    pub async fn reset(&self) {
        self.providers.reset().await;
    }

    /// Stops the server and every webhook under way.
    pub async fn stop(mut self) {
        self.providers.common.abort_tasks();
        self.server.abort();
        self.time.abort();
        // Aborted on purpose, so the only outcome is that they have ended.
        let _ = (&mut self.server).await;
        let _ = (&mut self.time).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.providers.common.abort_tasks();
        self.server.abort();
        self.time.abort();
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
