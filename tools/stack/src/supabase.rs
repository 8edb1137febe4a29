//! Supabase on one machine: databases like a hosted project's, and the API in front of one.

mod cli;
mod gateway;
mod template;

use anyhow::{Context as _, Result};
use tokio_postgres::Client;
use url::Url;

use self::gateway::{Gateway, Options};
use crate::{
    node::Node,
    port::Port,
    postgres::{self, Cluster},
    project,
};

pub use self::template::make_migrated;
pub(crate) use self::template::{advise, difference, digests, make_project, make_upgraded};

/// The keys of the local project. They are no secrets: each copy of the code has the same.
const PUBLISHABLE_KEY: &str = "sb_publishable_local_not_a_secret";
const SECRET_KEY: &str = "sb_secret_local_not_a_secret";

/// The role the API connects as.
const API: &str = "authenticator";

/// Supabase's API on one database.
#[derive(Debug)]
pub struct Supabase {
    /// Where the API is, as SUPABASE_URL has it.
    pub url: Url,
    /// The key that pages may know.
    pub publishable_key: String,
    /// The key that opens everything the service may do.
    pub secret_key: String,
    /// The database, for the superuser.
    pub database_url: String,
    gateway: Gateway,
    /// Keeps the port ours while the gateway is started again.
    _reservation: Option<Port>,
}

impl Supabase {
    /// The database that [`Self::prepare_template`] makes.
    pub const TEMPLATE: &str = template::NAME;

    /// Makes the database for [`Cluster::create_database`] to copy: a hosted project's, with
    /// our migrations and seed. Takes no time if it is there and up to date.
    pub async fn prepare_template(node: &Node, cluster: &Cluster) -> Result<()> {
        template::prepare(node, cluster).await
    }

    /// Brings a database that outlives its migrations up to date. Its rows stay; the seed is
    /// not applied again. A database that is not there becomes a copy of the template.
    pub async fn push_pending(node: &Node, cluster: &Cluster, database: &str) -> Result<()> {
        if cluster.has_database(database).await? {
            template::update(node, cluster, database).await
        } else {
            cluster.create_database(database, Self::TEMPLATE).await
        }
    }

    /// Starts the API on a database, at `port` of 127.0.0.1 or a free one. It ends when we do.
    ///
    /// Its tokens name `public_url` as their issuer, if the product knows it by another URL
    /// than its own.
    ///
    /// The database may be dropped and made again under it, and the server restarted.
    pub async fn start(
        node: &Node,
        cluster: &Cluster,
        database: &str,
        port: Option<u16>,
        public_url: Option<Url>,
    ) -> Result<Self> {
        let (port, reservation) = match port {
            Some(port) => (port, None),
            None => {
                let reservation = Port::reserve().context("no port is free")?;
                (reservation.number(), Some(reservation))
            }
        };
        let folder = cluster.companion_folder()?;
        let url = Url::parse(&format!("http://127.0.0.1:{port}"))?;
        let options = Options {
            port,
            public_url: public_url.unwrap_or_else(|| url.clone()),
            database_url: cluster.url_as(API, database),
            config_file: project::root().join("supabase/config.toml"),
            signing_key_file: folder.join("signing-key.json"),
            storage_folder: cluster.companion_folder_of(database)?.join("storage"),
            log_file: folder.join(format!("gateway-{database}.log")),
            publishable_key: PUBLISHABLE_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        };
        Ok(Self {
            url,
            publishable_key: PUBLISHABLE_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            database_url: cluster.url(database),
            gateway: Gateway::start(node, options).await?,
            _reservation: reservation,
        })
    }

    /// Connects to the database as the superuser, past the API.
    pub async fn connect(&self) -> Result<Client> {
        postgres::connect(&self.database_url).await
    }

    /// Stops the API. The database stays.
    pub async fn stop(self) -> Result<()> {
        self.gateway.stop().await
    }
}
