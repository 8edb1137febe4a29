//! `cargo dev`: the product for a person at the keyboard, on data that stay.

use std::{
    fs::{self, File, TryLockError},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use tokio::try_join;
use url::Url;

use stack::{
    Database, Foundation, Stack, compile,
    edge::Log,
    file_lock,
    postgres::Data,
    product::{self, Product, Project},
    progress::Progress,
    project,
};

/// The database that stays.
const DATABASE: &str = "app";

/// The phone number of the seeded shop.
pub const SHOP: &str = "+15145550100";

/// What a person may choose.
#[derive(Debug)]
pub struct Options {
    /// The first of four ports: product, simulators, Supabase, Postgres.
    pub port: u16,
    /// Whether the data of earlier runs are deleted first.
    pub reset: bool,
    /// Whether the functions are built as they are deployed.
    pub release: bool,
    /// A Supabase project to use instead of a local one.
    pub elsewhere: Option<Project>,
    /// Where the functions' output goes.
    pub log: Arc<Log>,
}

/// The running product. It ends when this value is dropped.
#[derive(Debug)]
pub struct Dev(Running);

/// What was started.
#[derive(Debug)]
enum Running {
    /// Everything. The lock is held by one run at a time.
    Stack { stack: Box<Stack>, foundation: Arc<Foundation>, lock: File },
    /// All but Supabase, which is elsewhere.
    Product { product: Box<Product>, supabase: Url },
}

/// Where to find what runs.
#[derive(Debug)]
pub struct Places {
    /// The page with the phone.
    pub phone: Url,
    /// The page that shows Stripe's account and lets time pass.
    pub stripe: String,
    /// The product itself.
    pub product: Url,
    /// Supabase's API.
    pub supabase: Url,
    /// The database, for any program that speaks to Postgres. Only if it is ours.
    pub database: Option<String>,
    /// The file with an operator's variables. Only if Supabase is ours.
    pub operator_variables: Option<PathBuf>,
}

impl Dev {
    /// Builds the functions and starts everything.
    pub async fn start(options: Options, progress: &Progress) -> Result<Self> {
        let ports = Ports::from(options.port)?;
        let product = product::Options {
            edge_port: Some(ports.edge),
            simulator_port: Some(ports.simulators),
            scheduler: true,
            log: options.log,
            ..product::Options::default()
        };

        if let Some(project) = options.elsewhere {
            let executables = build(options.release, progress).await?;
            progress.say("starting the product and the simulators");
            let supabase = project.url.clone();
            let product = product::Options { executables, ..product };
            let product = Product::start(project, &[SHOP.to_owned()], product).await?;
            product.edge.start_functions().await?;
            return Ok(Self(Running::Product { product: Box::new(product), supabase }));
        }

        let lock = lock()?;
        ports.ensure_free()?;
        let data = Data::Kept(project::state().join("database"));
        if options.reset {
            progress.say("deleting the data of earlier runs: all texts, shops and sign-ins");
            data.erase().await?;
        }
        let (foundation, executables) = try_join!(
            Foundation::lay(data, Some(ports.postgres), progress),
            build(options.release, progress),
        )?;
        let foundation = Arc::new(foundation);
        let database = Database::Kept(DATABASE.to_owned());
        let product = product::Options { executables, ..product };
        let stack =
            Stack::start(&foundation, database, Some(ports.supabase), product, progress).await?;
        stack.product.edge.start_functions().await?;
        write_operator_variables(&stack)?;
        Ok(Self(Running::Stack { stack: Box::new(stack), foundation, lock }))
    }

    /// Where to find everything.
    pub fn places(&self) -> Places {
        let (product, supabase, database) = match &self.0 {
            Running::Stack { stack, .. } => {
                (&stack.product, &stack.supabase.url, Some(stack.supabase.database_url.clone()))
            }
            Running::Product { product, supabase } => (product.as_ref(), supabase, None),
        };
        Places {
            phone: product.simulator.url().clone(),
            stripe: product.simulator.stripe_api_url(),
            product: product.edge.url().clone(),
            supabase: supabase.clone(),
            operator_variables: database.is_some().then(operator_variables),
            database,
        }
    }

    /// Stops everything. The data stay.
    pub async fn stop(self) -> Result<()> {
        match self.0 {
            Running::Stack { stack, foundation, lock } => {
                let stopped = stack.stop().await;
                if let Some(foundation) = Arc::into_inner(foundation) {
                    foundation.stop().await?;
                }
                drop(lock);
                stopped
            }
            Running::Product { product, .. } => product.stop().await,
        }
    }
}

/// The file that `cargo operator --env` takes.
fn operator_variables() -> PathBuf {
    project::state().join("operator.env")
}

/// Leaves for an operator what the functions got. These keys are in the code: no secrets.
fn write_operator_variables(stack: &Stack) -> Result<()> {
    let path = operator_variables();
    let variables = format!(
        "VERCEL_ENV=development\nSUPABASE_URL={}\nSUPABASE_SECRET_KEY={}\nSUPPRESSION_KEY={}\n\
         BACKUP_KEYS={}\n",
        stack.supabase.url,
        stack.supabase.secret_key,
        product::SUPPRESSION_KEY,
        product::BACKUP_KEYS,
    );
    fs::write(&path, variables).with_context(|| format!("{} cannot be written", path.display()))
}

/// Where everything listens.
struct Ports {
    edge: u16,
    simulators: u16,
    supabase: u16,
    postgres: u16,
}

impl Ports {
    /// Four ports in a row.
    fn from(first: u16) -> Result<Self> {
        let offset = |offset| first.checked_add(offset).context("no port is above 65535");
        Ok(Self { edge: first, simulators: offset(1)?, supabase: offset(2)?, postgres: offset(3)? })
    }

    /// Finds out before anything is built that a port is taken. (Postgres' may be, for a moment
    /// more, by an earlier run that was killed.)
    fn ensure_free(&self) -> Result<()> {
        for port in [self.edge, self.simulators, self.supabase] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
                format!("port {port} is in use by another program: choose others with --port")
            })?;
        }
        Ok(())
    }
}

/// Makes sure that nobody else runs on the data.
fn lock() -> Result<File> {
    let path = project::state().join("dev.lock");
    let file = file_lock::open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("cargo dev is already running in this folder"),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

async fn build(release: bool, progress: &Progress) -> Result<PathBuf> {
    progress.say("building the functions");
    compile::functions(release).await
}
