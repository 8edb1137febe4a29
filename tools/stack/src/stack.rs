//! The whole product on one machine: a database, Supabase's API, and the product on it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use url::Url;
use uuid::Uuid;

use crate::{
    node::Node,
    postgres::{Cluster, Data},
    product::{self, Product, Project},
    progress::Progress,
    supabase::Supabase,
};

/// What stacks stand on: Node and a Postgres server, which several stacks may share.
#[derive(Debug)]
pub struct Foundation {
    node: Node,
    cluster: Cluster,
}

impl Foundation {
    /// Installs Node and the npm packages where they are missing, and starts Postgres on
    /// `data`, at `port` or a free one.
    pub async fn lay(data: Data, port: Option<u16>, progress: &Progress) -> Result<Self> {
        let node = Node::prepare(progress).await?;
        progress.say("starting Postgres");
        let cluster = Cluster::start(&node, data, port).await?;
        Ok(Self { node, cluster })
    }

    /// The server, which may be crashed and resumed under the stacks that stand on it.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Stops Postgres. Nothing may stand on it any more.
    pub async fn stop(self) -> Result<()> {
        self.cluster.stop().await
    }
}

/// Which database a stack has.
#[derive(Clone, Debug)]
pub enum Database {
    /// The one of this name, which stays. It is made if it is not there, and gets the
    /// migrations that are new.
    Kept(String),
    /// One of its own, which is dropped when the stack is stopped.
    Temporary,
}

/// A running stack. It ends when this value is dropped.
#[derive(Debug)]
pub struct Stack {
    /// Supabase's API, and the way to the database.
    pub supabase: Supabase,
    /// What stands on it.
    pub product: Product,
    foundation: Arc<Foundation>,
    /// The database to drop at the end.
    temporary: Option<String>,
}

impl Stack {
    /// Starts a stack on `foundation`. Supabase listens at `port` or a free one.
    pub async fn start(
        foundation: &Arc<Foundation>,
        database: Database,
        port: Option<u16>,
        options: product::Options,
        progress: &Progress,
    ) -> Result<Self> {
        let Foundation { node, cluster } = foundation.as_ref();
        let (name, is_temporary) = match database {
            Database::Kept(name) => (name, false),
            Database::Temporary => (format!("test_{}", Uuid::new_v4().simple()), true),
        };
        progress.say("applying the migrations");
        if !cluster.has_database(&name).await? {
            Supabase::prepare_template(node, cluster).await?;
        }
        Supabase::push_pending(node, cluster, &name).await?;

        progress.say("starting Supabase");
        let public_url = match options.variables.get("SUPABASE_URL") {
            Some(Some(url)) => Some(Url::parse(url).context("SUPABASE_URL is no URL")?),
            _ => None,
        };
        let supabase = Supabase::start(node, cluster, &name, port, public_url).await?;
        let numbers = numbers(&supabase).await?;

        progress.say("starting the product and the simulators");
        let project = Project {
            url: supabase.url.clone(),
            publishable_key: supabase.publishable_key.clone(),
            secret_key: supabase.secret_key.clone(),
            database_url: Some(supabase.database_url.clone()),
        };
        let product = Product::start(project, &numbers, options).await?;
        let temporary = is_temporary.then_some(name);
        Ok(Self { supabase, product, foundation: Arc::clone(foundation), temporary })
    }

    /// Makes texts to all numbers in the database reach the product. To be called when shops
    /// were added.
    pub async fn refresh_numbers(&self) -> Result<()> {
        self.product.set_numbers(&numbers(&self.supabase).await?)
    }

    /// Stops everything but the foundation. A temporary database is dropped.
    pub async fn stop(self) -> Result<()> {
        let stopped = self.product.stop().await;
        self.supabase.stop().await?;
        if let Some(database) = self.temporary {
            self.foundation.cluster.drop_database(&database).await?;
        }
        stopped
    }
}

/// The shops' phone numbers.
async fn numbers(supabase: &Supabase) -> Result<Vec<String>> {
    let database = supabase.connect().await?;
    let rows = database.query("select phone from app.sender_numbers order by phone", &[]).await;
    let rows = rows.context("the shops' numbers cannot be read")?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
