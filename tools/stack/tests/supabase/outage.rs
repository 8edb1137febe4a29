//! The API while the database under it goes away and comes back.

use serde_json::json;
use stack::{
    postgres::{Cluster, Data},
    supabase::Supabase,
};

use crate::support::{Project, make_database, node, run, shared};

/// Calls until there is an answer, as a client with retries would.
async fn answers_again(project: &Project) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let request = project.request("POST", "rest/v1/rpc/echo", &project.supabase.secret_key);
        match request.json(&json!({ "p": {} })).send().await {
            Ok(response) if response.status() == 200 => return,
            Ok(response) => assert!(response.status().is_server_error(), "{response:?}"),
            Err(error) => assert!(error.is_request() || error.is_connect(), "{error:?}"),
        }
        assert!(std::time::Instant::now() < deadline, "the API does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn the_api_survives_its_database_being_replaced() {
    run(async {
        let (node, cluster) = shared().await;
        let project = Project::start(node, cluster, "replaced").await;
        answers_again(&project).await;
        cluster.drop_database("replaced").await.unwrap();
        make_database(cluster, "replaced").await;
        answers_again(&project).await;
    });
}

#[test]
fn the_api_comes_back_after_the_server_was_down() {
    run(async {
        let node = node().await;
        let cluster = Cluster::start(&node, Data::Temporary, None).await.unwrap();
        Supabase::prepare_template(&node, &cluster).await.unwrap();
        let project = Project::start(&node, &cluster, "app").await;
        answers_again(&project).await;

        for crashes in [false, true] {
            if crashes {
                cluster.crash().await.unwrap();
            } else {
                cluster.halt().await.unwrap();
            }
            let response =
                project.request("POST", "rest/v1/rpc/echo", &project.supabase.secret_key);
            if let Ok(response) = response.json(&json!({ "p": {} })).send().await {
                assert!(response.status().is_server_error(), "{response:?}");
            }
            cluster.resume().await.unwrap();
            answers_again(&project).await;
        }
        project.supabase.stop().await.unwrap();
        cluster.stop().await.unwrap();
    });
}
