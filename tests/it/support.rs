//! What the tests share: one Postgres for all of them, and for each a stack of
//! its own on a database of its own.

pub(crate) mod browser;
pub(crate) mod calls;
pub(crate) mod history;
pub(crate) mod interceptor;
pub(crate) mod owners;
pub(crate) mod random;
pub(crate) mod stripe;
pub(crate) mod world;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use leadslock::{
    providers::{
        egress::Egress,
        supabase::{Supabase, settings::SupabaseApi, storage::Storage},
    },
    settings::Reader,
};
use serde_json::{Value, json};
use simulators::{
    Simulator,
    conversation::{Conversation, Until},
    groq,
    twilio::{self, message::Status},
};
use stack::{Database, Foundation, Stack, edge::Edge, postgres::Data, product, progress::Progress};
use tokio::{runtime::Runtime, sync::OnceCell};
use tokio_postgres::{Client, Row, types::ToSql};
use url::Url;

use self::interceptor::Interceptor;

/// How long a test waits for what must happen. Long, because it only shows when
/// something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The demo shop's number, from the seed.
pub(crate) const SHOP: &str = "+15145550100";
/// The demo shop's owner, from the seed.
pub(crate) const OWNER: &str = "owner@example.com";
/// And the password.
pub(crate) const OWNER_PASSWORD: &str = "correct horse battery";
/// A lead's number.
pub(crate) const LEAD: &str = "+15145550123";

/// One runtime for all tests: what the shared Postgres needs must outlive the
/// test that came first.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static FOUNDATION: OnceCell<Arc<Foundation>> = OnceCell::const_new();

/// Runs a test's future to its end.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Runs a test on a stack of its own, and ends that.
pub(crate) fn on_a_stack(test: impl AsyncFnOnce(&TestStack)) {
    run(async {
        let stack = TestStack::start().await;
        test(&stack).await;
        stack.stop().await;
    });
}

/// A stack for one test, with the interceptor between functions and Supabase.
pub(crate) struct TestStack {
    stack: Stack,
    foundation: Arc<Foundation>,
    /// Between the functions and Supabase.
    pub(crate) interceptor: Interceptor,
    /// The database, past everything.
    pub(crate) database: Client,
    /// A browser's or script's way to the product.
    pub(crate) client: reqwest::Client,
}

impl TestStack {
    /// Starts a stack with the demo shop; the scheduler runs on demand only.
    pub(crate) async fn start() -> Self {
        Self::with_variables([]).await
    }

    /// As [`Self::start`], with some of the functions' variables changed.
    pub(crate) async fn with_variables<const N: usize>(changes: [(&str, Option<&str>); N]) -> Self {
        Self::on(FOUNDATION.get_or_init(lay_foundation).await, changes).await
    }

    /// As [`Self::start`], with a Postgres of its own, which the test may crash.
    pub(crate) async fn alone() -> Self {
        Self::on(&lay_foundation().await, []).await
    }

    async fn on<const N: usize>(
        foundation: &Arc<Foundation>,
        changes: [(&str, Option<&str>); N],
    ) -> Self {
        let progress = Progress::silent();
        let interceptor = Interceptor::start().await;
        let mut variables: BTreeMap<String, Option<String>> = changes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
            .collect();
        variables
            .entry("SUPABASE_URL".to_owned())
            .or_insert_with(|| Some(interceptor.url().to_string()));
        let executables = Path::new(env!("CARGO_BIN_EXE_sms_inbound")).parent().unwrap().to_owned();
        let options = product::Options { executables, variables, ..Default::default() };
        let stack = Stack::start(foundation, Database::Temporary, None, options, &progress);
        let stack = stack.await.unwrap();
        interceptor.forward_to(stack.supabase.url.clone());
        let database = stack.supabase.connect().await.unwrap();
        // A test that is not about the pace of a number is not held up by it.
        let pace = "update app.sender_numbers set texts_per_minute = 100000";
        database.batch_execute(pace).await.unwrap();
        let client = plain_client();
        let foundation = Arc::clone(foundation);
        Self { stack, foundation, interceptor, database, client }
    }

    /// Ends the stack and drops its database; its Postgres too, if it is its own.
    pub(crate) async fn stop(self) {
        drop(self.database);
        self.stack.stop().await.unwrap();
        if let Some(foundation) = Arc::into_inner(self.foundation) {
            foundation.stop().await.unwrap();
        }
    }

    /// Ends Postgres before it can finish anything, and starts it again. Connections to it
    /// are lost; see [`Self::connect`].
    pub(crate) async fn crash_postgres(&self) {
        let cluster = self.foundation.cluster();
        cluster.crash().await.unwrap();
        cluster.resume().await.unwrap();
    }

    /// Makes texts to shops reach the product that were added to the database.
    pub(crate) async fn refresh_numbers(&self) {
        self.stack.refresh_numbers().await.unwrap();
    }

    /// Vercel's part.
    pub(crate) fn edge(&self) -> &Arc<Edge> {
        &self.stack.product.edge
    }

    /// Another connection to the database.
    pub(crate) async fn connect(&self) -> Client {
        self.stack.supabase.connect().await.unwrap()
    }

    /// Supabase's API and the key that pages may know.
    pub(crate) fn supabase(&self) -> (&Url, &str) {
        (&self.stack.supabase.url, &self.stack.supabase.publishable_key)
    }

    /// The key of the functions.
    pub(crate) fn secret_key(&self) -> &str {
        &self.stack.supabase.secret_key
    }

    /// Signs an owner in, and returns the access token.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> String {
        let (url, key) = self.supabase();
        let response = self
            .client
            .post(url.join("/auth/v1/token?grant_type=password").unwrap())
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(json!({ "email": email, "password": password }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let session: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        session["access_token"].as_str().unwrap().to_owned()
    }

    /// Signs the demo shop's owner in, and returns the access token.
    pub(crate) async fn sign_in_owner(&self) -> String {
        self.sign_in(OWNER, OWNER_PASSWORD).await
    }

    /// Supabase's Storage, as the functions reach it.
    pub(crate) fn storage(&self) -> Storage {
        let (settings, egress) = self.project();
        Storage::new(&settings, egress).unwrap()
    }

    /// The database's API, as the functions reach it.
    pub(crate) fn api(&self) -> Supabase {
        let (settings, egress) = self.project();
        Supabase::new(&settings, egress)
    }

    fn project(&self) -> (SupabaseApi, Egress) {
        let supabase = &self.stack.supabase;
        let url = supabase.url.clone();
        let egress = Egress::new(&[&url], None).unwrap();
        (SupabaseApi { url, secret_key: supabase.secret_key.clone().into() }, egress)
    }

    /// Where the product answers, with `path`.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.stack.product.edge.url().join(path).unwrap()
    }

    /// Twilio and Groq.
    pub(crate) fn simulator(&self) -> &Simulator {
        &self.stack.product.simulator
    }

    /// Texts the demo shop from [`LEAD`], and returns the text's SID.
    pub(crate) fn text(&self, body: &str) -> String {
        self.simulator().text(LEAD, SHOP, body).unwrap()
    }

    /// Texts the shop and waits until its answer has arrived.
    pub(crate) async fn text_and_wait(&self, body: &str) -> Conversation {
        self.text(body);
        self.wait(Until::Delivered).await
    }

    /// Waits until the conversation between [`LEAD`] and the shop is so far.
    pub(crate) async fn wait(&self, until: Until) -> Conversation {
        self.simulator().wait_until(LEAD, SHOP, until, PATIENCE).await.unwrap()
    }

    /// Orders how Groq behaves from now on.
    pub(crate) fn set_groq(
        &self,
        behaviours: impl IntoIterator<Item = groq::behaviour::Behaviour>,
    ) {
        self.simulator().change(|world| world.groq.behaviours.set(behaviours));
    }

    /// Orders how Twilio's API behaves from now on.
    pub(crate) fn set_twilio(
        &self,
        behaviours: impl IntoIterator<Item = twilio::behaviour::Behaviour>,
    ) {
        self.simulator().change(|world| world.twilio.behaviours.set(behaviours));
    }

    /// Kills a function with SIGKILL.
    pub(crate) async fn kill(&self, function: &str) {
        self.stack.product.edge.kill(function).await.unwrap();
    }

    /// The process of a function that was called before.
    pub(crate) async fn pid(&self, function: &str) -> u32 {
        self.stack.product.edge.pid(function).await.unwrap().unwrap()
    }

    /// The database, for its superuser.
    pub(crate) fn database_url(&self) -> &str {
        &self.stack.supabase.database_url
    }

    /// Runs the scheduler once; returns the status it was answered with.
    pub(crate) async fn run_scheduler(&self) -> u16 {
        self.run_cron(leadslock::paths::CRON_DELIVER).await
    }

    /// Runs a cron once; returns the status it was answered with.
    pub(crate) async fn run_cron(&self, path: &str) -> u16 {
        self.stack.product.edge.fire_cron(path).await.unwrap()
    }

    /// Moves the clock past every lease and back-off, and runs the scheduler.
    pub(crate) async fn run_scheduler_later(&self) {
        stack::clock::advance(&self.database, Duration::from_secs(20 * 60)).await.unwrap();
        assert_eq!(self.run_scheduler().await, 200);
    }

    /// Runs the scheduler again and again, as [`Self::run_scheduler_later`] does, until a
    /// query's only value is `want`.
    pub(crate) async fn run_scheduler_until(&self, sql: &str, want: &str) {
        let run = async {
            while self.value(sql).await != want {
                self.run_scheduler_later().await;
            }
        };
        let ran = tokio::time::timeout(PATIENCE, run).await;
        assert!(ran.is_ok(), "{sql} is {} and not {want}", self.value(sql).await);
    }

    /// What the operator's program answers.
    pub(crate) async fn operator(&self, task: operator::Task) -> Value {
        self.try_operator(task).await.unwrap()
    }

    /// As [`Self::operator`], where it may refuse.
    pub(crate) async fn try_operator(&self, task: operator::Task) -> anyhow::Result<Value> {
        self.operator_with(task, product::BACKUP_KEYS).await
    }

    /// As [`Self::try_operator`], with other keys of backups.
    pub(crate) async fn operator_with(
        &self,
        task: operator::Task,
        backup_keys: &str,
    ) -> anyhow::Result<Value> {
        let supabase = &self.stack.supabase;
        let lookup = |name: &str| match name {
            "VERCEL_ENV" => Some("development".to_owned()),
            "SUPABASE_URL" => Some(supabase.url.to_string()),
            "SUPABASE_SECRET_KEY" => Some(supabase.secret_key.clone()),
            "SUPPRESSION_KEY" => Some(product::SUPPRESSION_KEY.to_owned()),
            "BACKUP_KEYS" => Some(backup_keys.to_owned()),
            _ => None,
        };
        operator::run(&task, Reader::new(&lookup)).await
    }

    /// Rows of the database.
    pub(crate) async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        self.database.query(sql, parameters).await.unwrap()
    }

    /// The first column of the only row of a query, as text.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let sql = format!("select coalesce(({sql})::text, 'null')");
        self.database.query_one(&sql, &[]).await.unwrap().get(0)
    }

    /// Waits until a query's only value is `want`.
    pub(crate) async fn wait_for_value(&self, sql: &str, want: &str) {
        let wait = async {
            while self.value(sql).await != want {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{sql} is {} and not {want}", self.value(sql).await);
    }

    /// Every line the functions printed.
    pub(crate) fn log(&self) -> Vec<String> {
        self.stack.product.edge.log().lines().iter().map(ToString::to_string).collect()
    }

    /// The texts the lead's phone received from the product, oldest first.
    pub(crate) fn answers(&self) -> Vec<String> {
        self.simulator()
            .conversation(LEAD, SHOP)
            .texts
            .into_iter()
            .filter(|text| text.is_by_product() && text.message.status != Status::Failed)
            .map(|text| text.message.body)
            .collect()
    }
}

async fn lay_foundation() -> Arc<Foundation> {
    Arc::new(Foundation::lay(Data::Temporary, None, &Progress::silent()).await.unwrap())
}

/// A client for this machine. It could speak TLS, and needs a provider for that.
pub(crate) fn plain_client() -> reqwest::Client {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
