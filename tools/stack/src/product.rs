//! The product, with simulators of its providers around it, on a Supabase project.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use leadslock::{
    paths,
    providers::{stripe::API_VERSION, twilio::client::CONNECTION_OVERRIDES},
};
use secrecy::ExposeSecret as _;
use simulators::{Controls, Simulator, groq, stripe, twilio};
use tokio::net::TcpListener;
use tokio_postgres::Client;
use url::Url;

use crate::{
    clock,
    edge::{self, Edge, Log},
    postgres, project,
};

/// The scheduler's secret. Neither this nor the keys below are one: each copy of the code has
/// the same.
pub const CRON_SECRET: &str = "local-cron-secret-not-a-secret";
/// The key of the suppressed numbers.
pub const SUPPRESSION_KEY: &str = "local-suppression-key-not-a-secret";
/// The key that wraps the keys of sealed backups.
pub const BACKUP_KEYS: &str = "local:bG9jYWwtYmFja3VwLWtleS1ub3QtYS1zZWNyZXQtLS0=";

/// The key of the pages' forms.
const CSRF_KEY: &str = "local-page-key-that-is-not-a-secret";

/// A Supabase project, as the product knows it.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where its API is.
    pub url: Url,
    /// The key that pages may know.
    pub publishable_key: String,
    /// The key that opens everything the service may do.
    pub secret_key: String,
    /// Its database, for the superuser: that of a local project only. Its clock can be moved.
    pub database_url: Option<String>,
}

/// What a product is started with.
#[derive(Debug, Default)]
pub struct Options {
    /// The folder with the functions' executables.
    pub executables: PathBuf,
    /// The port of the edge; chosen by the system when `None`.
    pub edge_port: Option<u16>,
    /// The port of the simulators; chosen by the system when `None`.
    pub simulator_port: Option<u16>,
    /// Changes to the functions' variables: another value, or `None` for not set at all.
    pub variables: BTreeMap<String, Option<String>>,
    /// Whether the scheduler runs.
    pub scheduler: bool,
    /// Where the functions' output goes.
    pub log: Arc<Log>,
}

/// A running product. It ends when this value is dropped.
#[derive(Debug)]
pub struct Product {
    /// Vercel's part.
    pub edge: Arc<Edge>,
    /// Twilio's, Groq's and Stripe's.
    pub simulator: Simulator,
}

impl Product {
    /// Starts the simulators and the edge. Who texts one of `numbers` reaches the product.
    pub async fn start(project: Project, numbers: &[String], options: Options) -> Result<Self> {
        let listener = listen(options.edge_port).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let twilio = twilio::Options::default();
        let groq = groq::Options::default();
        let mut stripe = stripe::Options::default();
        stripe.settings.webhook_api_version = stripe::version::Version::parse(API_VERSION);
        let simulator = Simulator::start(simulators::Options {
            port: options.simulator_port,
            twilio: twilio.clone(),
            groq: groq.clone(),
            stripe: stripe.clone(),
        })
        .await?;

        let mut variables: BTreeMap<String, String> = [
            ("VERCEL_ENV", "development".to_owned()),
            ("PUBLIC_BASE_URL", origin.clone()),
            ("SUPABASE_URL", project.url.to_string()),
            ("SUPABASE_SECRET_KEY", project.secret_key),
            ("SUPABASE_PUBLISHABLE_KEY", project.publishable_key),
            ("TWILIO_ACCOUNT_SID", twilio.account_sid),
            ("TWILIO_AUTH_TOKEN", twilio.auth_token.expose_secret().to_owned()),
            ("TWILIO_API_KEY_SID", twilio.api_key_sid),
            ("TWILIO_API_KEY_SECRET", twilio.api_key_secret.expose_secret().to_owned()),
            ("TWILIO_API_URL", simulator.twilio_api_url()),
            ("GROQ_API_KEY", groq.api_key.expose_secret().to_owned()),
            ("GROQ_MODELS", groq.models.join(",")),
            ("GROQ_API_URL", simulator.groq_api_url()),
            ("STRIPE_SECRET_KEY", stripe.secret_key.expose_secret().to_owned()),
            ("STRIPE_WEBHOOK_SECRET", stripe.webhook_secret.expose_secret().to_owned()),
            ("STRIPE_PRICES", "monthly=price_local_month,yearly=price_local_year".to_owned()),
            ("STRIPE_TRIAL_DAYS", "14".to_owned()),
            ("STRIPE_API_URL", simulator.stripe_api_url()),
            ("CRON_SECRET", CRON_SECRET.to_owned()),
            ("SUPPRESSION_KEY", SUPPRESSION_KEY.to_owned()),
            ("CSRF_KEY", CSRF_KEY.to_owned()),
            ("SUPPORT_EMAIL", "support@leadslock.example".to_owned()),
            ("SECURITY_EMAIL", "security@leadslock.example".to_owned()),
            ("BACKUP_KEYS", BACKUP_KEYS.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, change) in options.variables {
            match change {
                Some(value) => variables.insert(name, value),
                None => variables.remove(&name),
            };
        }
        let edge = Arc::new(Edge::start(edge::Options {
            project: project::root().to_owned(),
            executables: options.executables,
            variables,
            listener,
            scheduler: options.scheduler,
            log: options.log,
        })?);

        let product = Self { edge, simulator };
        product.set_numbers(numbers)?;
        product.simulator.set_stripe_endpoint(product.edge.url().join(paths::STRIPE_EVENT)?);
        let edge = Arc::clone(&product.edge);
        let hold = Hold { edge, database_url: project.database_url };
        product.simulator.set_controls(Arc::new(hold)).await?;
        Ok(product)
    }

    /// Replaces the phone numbers that lead to the product.
    pub fn set_numbers(&self, numbers: &[String]) -> Result<()> {
        let mut webhook = self.edge.url().join(paths::SMS_INBOUND)?;
        webhook.set_fragment(Some(CONNECTION_OVERRIDES));
        let numbers = numbers
            .iter()
            .map(|number| twilio::Number { number: number.clone(), webhook: webhook.clone() });
        self.simulator.set_numbers(numbers.collect());
        Ok(())
    }

    /// Stops the simulators first, so that no function waits for one that was told to stall.
    pub async fn stop(self) -> Result<()> {
        self.simulator.stop().await;
        self.edge.stop().await
    }
}

/// Listens on `port` of 127.0.0.1, or on a free one.
async fn listen(port: Option<u16>) -> Result<TcpListener> {
    let port = port.unwrap_or(0);
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
        format!("port {port} is in use by another program: the product cannot listen on it")
    })
}

/// The simulators' hold on the product.
struct Hold {
    edge: Arc<Edge>,
    database_url: Option<String>,
}

impl Hold {
    /// Connects to the database whose clock it is.
    async fn database(&self) -> Result<Client> {
        let url = self.database_url.as_deref();
        postgres::connect(url.context("only the clock of a local database can be moved")?).await
    }
}

impl Controls for Hold {
    fn product(&self) -> Url {
        self.edge.url().clone()
    }

    fn crons(&self) -> Vec<String> {
        self.edge.crons()
    }

    fn run_cron(&self, path: String) -> BoxFuture<'_, Result<u16>> {
        Box::pin(async move { self.edge.fire_cron(&path).await })
    }

    fn clock_offset(&self) -> BoxFuture<'_, Result<Duration>> {
        Box::pin(async {
            match self.database_url {
                Some(_) => clock::offset(&self.database().await?).await,
                None => Ok(Duration::ZERO),
            }
        })
    }

    fn advance_clock(&self, by: Duration) -> BoxFuture<'_, Result<Duration>> {
        Box::pin(async move { clock::advance(&self.database().await?, by).await })
    }

    fn reset_clock(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { clock::reset(&self.database().await?).await })
    }
}
