//! An owner exports everything: all of it, of one moment, and nobody else's.

mod asking;
mod bundle;
mod deadlines;
mod faults;
mod large;

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    time::Duration,
};

use leadslock::{data::export::verify::verify, paths};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trust::text::hex;

use crate::support::{OWNER, OWNER_PASSWORD, PATIENCE, TestStack, calls::Calls};

/// What a lead may write.
const NASTY: [&str; 12] = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "'quoted'",
    "a \"quote\", a comma\r\nand lines\n\n",
    "\u{1}\u{7f}\u{feff}\\u0000 \\",
    "\u{202e}עברית العربية\u{202c}",
    "🚲👩‍🔧 é e\u{301}",
    "",
    "</script>{\"a\":1}",
];

/// The owner of the demo shop, signed in.
struct Owner<'a> {
    stack: &'a TestStack,
    token: String,
}

impl<'a> Owner<'a> {
    async fn of(stack: &'a TestStack) -> Self {
        Self { stack, token: stack.sign_in(OWNER, OWNER_PASSWORD).await }
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let response = self.response(method, path, body).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    async fn response(&self, method: Method, path: &str, body: &str) -> Response {
        let url = self.stack.url(path);
        let request = self.stack.client.request(method, url).bearer_auth(&self.token);
        request.body(body.to_owned()).send().await.unwrap()
    }

    fn request(&self, body: &'static str) -> reqwest::RequestBuilder {
        let url = self.stack.url(paths::ACCOUNT_EXPORT);
        self.stack.client.post(url).bearer_auth(&self.token).body(body)
    }

    /// The session, as the database is told of it.
    async fn session(&self) -> Value {
        let sql = "select jsonb_build_object('user_id', user_id, 'session_id', id, 'aal', 'aal1')
                   from auth.sessions order by created_at desc limit 1";
        self.stack.rows(sql, &[]).await[0].get(0)
    }

    /// Asks for an export, and returns it.
    async fn ask(&self, format: &str) -> Value {
        let body = json!({ "format": format }).to_string();
        let (status, export) = self.send(Method::POST, paths::ACCOUNT_EXPORT, &body).await;
        assert_eq!(status, 202, "{export}");
        export
    }

    async fn show(&self, export: &Value) -> Value {
        let path = export["status_url"].as_str().unwrap();
        let (status, export) = self.send(Method::GET, path, "").await;
        assert_eq!(status, 200, "{export}");
        export
    }

    /// Waits until an export is ready, while the scheduler comes again and again.
    async fn wait(&self, export: &Value) -> Value {
        let wait = async {
            loop {
                let shown = self.show(export).await;
                if shown["state"] == "ready" {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("{export} is not ready"))
    }

    /// The bundle of an export that is ready, which is what it is said to be.
    async fn fetch(&self, export: &Value) -> Bundle {
        let response =
            self.stack.client.get(export["link"]["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let bytes = response.bytes().await.unwrap().to_vec();
        assert_eq!(export["byte_count"], bytes.len());
        assert_eq!(export["sha256"], sha256(&bytes));
        let report = verify(Cursor::new(&bytes)).unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        let rows = report
            .manifest
            .files
            .iter()
            .filter_map(|file| Some((file.name.split('.').next()?.to_owned(), file.rows?)));
        Bundle { rows: rows.collect(), bytes }
    }

    async fn take(&self, format: &str) -> Bundle {
        let export = self.ask(format).await;
        self.fetch(&self.wait(&export).await).await
    }
}

struct Bundle {
    bytes: Vec<u8>,
    /// How many rows each file has.
    rows: BTreeMap<String, u64>,
}

impl Bundle {
    fn file(&self, name: &str) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(&self.bytes)).unwrap();
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// The rows of a file of JSON Lines.
    fn json(&self, name: &str) -> Vec<Value> {
        let text = self.file(&format!("{name}.jsonl"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The rows of a CSV file, as somebody reads them who knows the rule of the apostrophe.
    fn csv(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.file(&format!("{name}.csv"));
        let mut reader =
            csv::Reader::from_reader(text.strip_prefix('\u{feff}').unwrap().as_bytes());
        let plain = |(name, cell): (String, String)| {
            (name, cell.strip_prefix('\'').unwrap_or(&cell).to_owned())
        };
        reader
            .deserialize::<BTreeMap<String, String>>()
            .map(|row| row.unwrap().into_iter().map(plain).collect())
            .collect()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// Adds texts to the demo shop, with every kind of body.
async fn fill(stack: &TestStack, count: i32) {
    let calls = Calls(stack);
    calls.receive(1, "text", NASTY[0]).await;
    calls.receive(2, "stop", "STOP").await;
    stack.add_texts(count, &NASTY).await;
}

/// No object is left but those of exports that are ready.
async fn check_objects(stack: &TestStack) {
    let orphans = "select count(*) from storage.objects o
                   where o.bucket_id = 'exports'
                     and not exists (
                       select from app.exports e
                       where e.storage_path = o.name and e.state = 'ready'
                     )";
    assert_eq!(stack.value(orphans).await, "0");
}
