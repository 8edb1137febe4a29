//! One cluster for all tests, and what each of them needs of it.

use std::{sync::LazyLock, time::Duration};

use reqwest::{Client, IntoUrl, RequestBuilder, Response};
use serde_json::Value;
use stack::{
    node::Node,
    postgres::{Cluster, Data},
    progress::Progress,
    supabase::Supabase,
};
use tokio::{runtime::Runtime, sync::OnceCell};

/// One for all tests: what a runtime has started ends with it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Runs a test.
pub(crate) fn run(test: impl Future<Output = ()>) {
    RUNTIME.block_on(test);
}

/// Node, and a running cluster with the template.
pub(crate) async fn shared() -> &'static (Node, Cluster) {
    static SHARED: OnceCell<(Node, Cluster)> = OnceCell::const_new();
    SHARED
        .get_or_init(async || {
            let node = node().await;
            let cluster = Cluster::start(&node, Data::Temporary, None).await.unwrap();
            Supabase::prepare_template(&node, &cluster).await.unwrap();
            (node, cluster)
        })
        .await
}

/// The API on a database that no test minds the others using.
pub(crate) async fn shared_project() -> &'static Project {
    static SHARED: OnceCell<Project> = OnceCell::const_new();
    SHARED
        .get_or_init(async || {
            let (node, cluster) = shared().await;
            Project::start(node, cluster, "shared").await
        })
        .await
}

pub(crate) async fn node() -> Node {
    Node::prepare(&Progress::silent()).await.unwrap()
}

/// The API on a database with what the tests call.
pub(crate) struct Project {
    pub(crate) supabase: Supabase,
    pub(crate) client: Client,
}

impl Project {
    /// Makes the database, and starts the API on it.
    pub(crate) async fn start(node: &Node, cluster: &Cluster, database: &str) -> Self {
        make_database(cluster, database).await;
        let supabase = Supabase::start(node, cluster, database, None, None).await.unwrap();
        Self { supabase, client: client() }
    }

    /// A request with a key and no user.
    pub(crate) fn request(&self, method: &str, path: &str, key: &str) -> RequestBuilder {
        let url = self.supabase.url.join(path).unwrap();
        self.client.request(method.parse().unwrap(), url).header("apikey", key)
    }

    /// Gets what is at a URL, without a key.
    pub(crate) async fn get(&self, url: impl IntoUrl) -> Response {
        self.client.get(url).send().await.unwrap()
    }

    /// Calls a function with the secret key.
    pub(crate) async fn call(&self, function: &str, arguments: Value) -> Response {
        let path = format!("rest/v1/rpc/{function}");
        let request = self.request("POST", &path, &self.supabase.secret_key);
        request.json(&arguments).send().await.unwrap()
    }

    /// Signs the demo shop's owner in, and returns what Auth says.
    pub(crate) async fn sign_in(&self) -> Value {
        let body = serde_json::json!({
            "email": "owner@example.com",
            "password": "correct horse battery",
        });
        let path = "auth/v1/token?grant_type=password";
        let request = self.request("POST", path, &self.supabase.publishable_key);
        request.json(&body).send().await.unwrap().json().await.unwrap()
    }
}

/// Makes a copy of the template with what the tests call.
pub(crate) async fn make_database(cluster: &Cluster, name: &str) {
    cluster.create_database(name, Supabase::TEMPLATE).await.unwrap();
    let superuser = cluster.connect(name).await.unwrap();
    let as_migrations_run = format!("set role postgres; {}", include_str!("functions.sql"));
    superuser.batch_execute(&as_migrations_run).await.unwrap();
}

/// A client that waits for no answer for ever.
fn client() -> Client {
    // reqwest wants one even for plain HTTP. It does not matter which test is first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}
