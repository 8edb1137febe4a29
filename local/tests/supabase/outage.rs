//! The API while the database under it goes away and comes back.

use local::{
    postgres::{Cluster, Data},
    supabase::Supabase,
};
use serde_json::json;

use crate::support::{Project, node, run, shared};

const ONE: &str = "
    create function public.one(p jsonb) returns integer
    language sql set search_path = '' as 'select 1';
    grant execute on function public.one(jsonb) to service_role;
";

/// Calls until there is an answer, as a client with retries would.
async fn answers_again(project: &Project) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let request = project.request("POST", "rest/v1/rpc/one", &project.supabase.secret_key);
        match request.json(&json!({ "p": {} })).send().await {
            Ok(response) if response.status() == 200 => return,
            Ok(response) => assert_eq!(response.status(), 503),
            Err(error) => assert!(error.is_request() || error.is_connect(), "{error:?}"),
        }
        assert!(std::time::Instant::now() < deadline, "the API does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn the_api_survives_its_database_being_replaced() {
    run(async {
        let (_, cluster) = shared().await;
        let project = Project::start(ONE).await;
        answers_again(&project).await;
        cluster.drop_database(&project.database).await.unwrap();
        cluster.create_database(&project.database, Supabase::TEMPLATE).await.unwrap();
        let client = project.supabase.connect().await.unwrap();
        client.batch_execute(&format!("set role postgres; {ONE}")).await.unwrap();
        answers_again(&project).await;
    });
}

#[test]
fn the_api_comes_back_after_the_server_was_down() {
    run(async {
        let node = node().await;
        let mut cluster = Cluster::start(&node, Data::Temporary, None).await.unwrap();
        Supabase::prepare_template(&node, &cluster).await.unwrap();
        let project = Project::start_on(&node, &cluster, "app".to_owned(), ONE).await;
        answers_again(&project).await;

        for crashes in [false, true] {
            if crashes {
                cluster.crash().await.unwrap();
            } else {
                cluster.halt().await.unwrap();
            }
            let response = project.request("POST", "rest/v1/rpc/one", &project.supabase.secret_key);
            if let Ok(response) = response.json(&json!({ "p": {} })).send().await {
                assert_eq!(response.status(), 503);
            }
            cluster.resume().await.unwrap();
            answers_again(&project).await;
        }
        project.supabase.stop().await.unwrap();
        cluster.stop().await.unwrap();
    });
}
