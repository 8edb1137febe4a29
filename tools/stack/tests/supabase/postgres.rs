//! The server: its data, and how it ends.

use stack::postgres::{Cluster, Data};

use crate::support::{node, run};

async fn count(cluster: &Cluster) -> i64 {
    let client = cluster.connect("postgres").await.unwrap();
    client.query_one("select count(*) from kept", &[]).await.unwrap().get(0)
}

#[test]
fn kept_data_survives_a_stop_a_crash_and_a_new_start() {
    run(async {
        let node = node().await;
        let folder = std::env::temp_dir().join(format!("leadslock-test-{}", uuid::Uuid::new_v4()));
        let data = Data::Kept(folder.clone());

        let cluster = Cluster::start(&node, data.clone(), None).await.unwrap();
        let port = cluster.port();
        let client = cluster.connect("postgres").await.unwrap();
        client.batch_execute("create table kept (id integer)").await.unwrap();
        client.batch_execute("insert into kept values (1)").await.unwrap();
        cluster.crash().await.unwrap();
        assert!(cluster.connect("postgres").await.is_err());
        cluster.resume().await.unwrap();
        assert_eq!((cluster.port(), count(&cluster).await), (port, 1));
        cluster.halt().await.unwrap();
        cluster.resume().await.unwrap();
        assert_eq!(count(&cluster).await, 1);
        cluster.stop().await.unwrap();

        let cluster = Cluster::start(&node, data.clone(), None).await.unwrap();
        assert_eq!(count(&cluster).await, 1);
        cluster.stop().await.unwrap();

        data.erase().await.unwrap();
        assert!(!folder.exists());
    });
}

#[test]
fn a_port_in_use_is_one_clear_sentence() {
    run(async {
        let node = node().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = Cluster::start(&node, Data::Temporary, Some(port)).await.unwrap_err();
        let want =
            format!("port {port} is in use by another program: Postgres cannot listen on it");
        assert_eq!(error.to_string(), want);
    });
}

#[test]
fn a_superuser_exists_and_it_is_not_the_one_migrations_run_as() {
    run(async {
        let (_, cluster) = crate::support::shared().await;
        let client = cluster.connect("postgres").await.unwrap();
        let supers = "select rolname from pg_roles where rolsuper";
        let rows = client.query(supers, &[]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(names, ["supabase_admin"]);
    });
}
