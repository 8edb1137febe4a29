//! Storage: a private bucket, and links to what is in it.

use serde_json::{Value, json};

use crate::support::{Project, run, shared_project};

async fn upload(project: &Project, key: &str, bytes: &[u8]) {
    let path = format!("storage/v1/object/shelf/{key}");
    let request = project.request("POST", &path, &project.supabase.secret_key);
    let request = request.header("content-type", "application/zip").body(bytes.to_vec());
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn link(project: &Project, key: &str, seconds: i64) -> String {
    let path = format!("storage/v1/object/sign/shelf/{key}");
    let request = project.request("POST", &path, &project.supabase.secret_key);
    let response = request.json(&json!({ "expiresIn": seconds })).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    let signed = answer["signedURL"].as_str().unwrap();
    assert!(signed.starts_with("/object/sign/shelf/"), "{answer}");
    format!("{}storage/v1{signed}", project.supabase.url)
}

#[test]
fn a_link_opens_a_private_object_until_it_expires() {
    run(async {
        let project = shared_project().await;
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        upload(project, "account/all data.zip", &bytes).await;

        let url = link(project, "account/all data.zip", 60).await;
        let response = project.get(format!("{url}&download=mine.zip")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/zip");
        assert_eq!(
            response.headers()["content-disposition"],
            "attachment; filename=mine.zip; filename*=UTF-8''mine.zip;",
        );
        assert_eq!(response.bytes().await.unwrap(), bytes);

        let expired = project.get(link(project, "account/all data.zip", 0).await).await;
        assert_eq!(expired.status(), 400);
        assert_eq!(expired.json::<Value>().await.unwrap()["error"], "InvalidJWT");
        let tampered = project.get(format!("{url}x")).await;
        assert!(!tampered.status().is_success());
    });
}

#[test]
fn a_private_object_needs_the_secret_key() {
    run(async {
        let project = shared_project().await;
        upload(project, "a.zip", b"data").await;
        for path in ["storage/v1/object/shelf/a.zip", "storage/v1/object/authenticated/shelf/a.zip"]
        {
            let request = project.request("GET", path, &project.supabase.publishable_key);
            assert_eq!(request.send().await.unwrap().status(), 400);
            let request = project.request("GET", path, &project.supabase.secret_key);
            assert_eq!(request.send().await.unwrap().bytes().await.unwrap(), "data");
        }

        let key = &project.supabase.secret_key;
        let request = project.request("DELETE", "storage/v1/object/shelf", key);
        let response = request.json(&json!({ "prefixes": ["a.zip"] })).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let request = project.request("GET", "storage/v1/object/shelf/a.zip", key);
        assert_eq!(request.send().await.unwrap().status(), 400);
    });
}
