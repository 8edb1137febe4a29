//! The evidence of consent: that it is whole, that a change shows, and that it
//! outlives the people and shops it is about.

use operator::Task;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trust::text::{hex, phone::Phone};

use crate::support::{LEAD, SHOP, calls::Calls, on_a_stack};

const BREAK: &str =
    "select app.first_break_of_consent(business_id, phone_hmac) from app.consent_ledgers";

impl Calls<'_> {
    /// A life with every kind of evidence.
    async fn live(&self) {
        self.receive(1, "text", "hello").await;
        self.receive(2, "stop", "please stop").await;
        self.receive(3, "text", "are you open?").await;
        self.receive(4, "start", "START").await;
        self.receive(5, "stop", "STOP").await;
    }

    async fn export(&self, texts_after: Option<&Value>) -> Value {
        let request =
            json!({ "shop": SHOP, "phone_hmac": "ab".repeat(32), "texts_after": texts_after });
        self.call("export_consent", request).await
    }
}

#[test]
fn every_change_of_consent_is_a_link_of_a_chain() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.live().await;
        let life = "select string_agg(concat_ws(' ', sequence, change, basis, source, wording), ', ' order by sequence)
                    from app.consent_events";
        assert_eq!(
            stack.value(life).await,
            "1 granted implied_inquiry text, 2 withdrawn text please stop, \
             3 granted express text START, 4 withdrawn text STOP"
        );
        assert_eq!(stack.value(BREAK).await, "null");
    });
}

/// Whoever gets around the triggers still leaves a break.
#[test]
fn a_change_of_the_evidence_shows() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.live().await;
        for (tampering, broken_at) in [
            ("update app.consent_events set change = 'granted', basis = 'express' where sequence = 2", "2"),
            ("update app.consent_events set at = at - interval '1 day' where sequence = 3", "3"),
            ("update app.consent_events set expires_at = expires_at + interval '1 year' where sequence = 1", "1"),
            ("update app.consent_events set wording = 'START again' where sequence = 3", "3"),
            ("update app.consent_events set rule = 'another' where sequence = 4", "4"),
            ("update app.consent_events set message_id = null where sequence = 4", "4"),
            ("delete from app.consent_events where sequence = 1", "1"),
            ("delete from app.consent_events where sequence = 2", "2"),
            ("delete from app.consent_events where sequence = 4", "4"),
            ("delete from app.consent_events", "1"),
            ("delete from app.consent_ledgers", "5"),
            (
                "delete from app.consent_events where sequence = 4;
                 update app.consent_events set hash = '\\x00' || substr(hash, 2) where sequence = 3",
                "3",
            ),
        ] {
            let check = "select app.first_break_of_consent(
                           (select id from app.businesses), decode(repeat('ab', 32), 'hex'))::text";
            let attempt = format!(
                "begin; set local session_replication_role = replica; {tampering}; {check}; rollback"
            );
            let rows = stack.database.simple_query(&attempt).await.unwrap();
            let found = rows.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            assert_eq!(found, Some(broken_at), "{tampering}");
        }
        assert_eq!(stack.value(BREAK).await, "null");
    });
}

#[test]
fn wording_can_be_erased_for_good_and_nothing_else() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.live().await;
        let erase = "update app.consent_events set wording = null, wording_salt = null";
        stack.database.batch_execute(erase).await.unwrap();
        assert_eq!(stack.value(BREAK).await, "null");
        for change in [
            "update app.consent_events set wording = 'x', wording_salt = '\\x00'",
            "update app.consent_events set wording_digest = null",
            "update app.consent_events set at = now()",
        ] {
            assert!(stack.database.batch_execute(change).await.is_err(), "{change}");
        }
    });
}

#[test]
fn evidence_outlives_the_lead_and_the_texts() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.live().await;
        let erase = "delete from app.jobs; delete from app.messages; delete from app.leads";
        stack.database.batch_execute(erase).await.unwrap();
        let export = calls.export(None).await;
        assert_eq!(export["events"].as_array().unwrap().len(), 4);
        assert_eq!(export["chain"]["first_break"], Value::Null);
        assert_eq!(export["standing"]["suppressed"][0]["reason"], "opted_out");
        assert_eq!(export["texts"], json!([]));

        // The person comes back, and the chain goes on.
        calls.receive(6, "start", "START").await;
        let export = calls.export(None).await;
        assert_eq!(export["chain"]["length"], 5);
        assert_eq!(export["chain"]["first_break"], Value::Null);
    });
}

/// The chain as docs/consent-ledger.md describes it, computed apart from SQL.
#[test]
fn an_export_can_be_checked_without_us() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.live().await;
        let export = calls.export(None).await;

        let mut previous = "00".repeat(32);
        for event in export["events"].as_array().unwrap() {
            let text = |name: &str| match &event[name] {
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if let Some(wording) = event["wording"].as_str() {
                let salted =
                    [hex::decode(&text("wording_salt")).unwrap(), wording.as_bytes().to_vec()]
                        .concat();
                assert_eq!(digest(&salted), text("wording_digest"));
            }
            let link = [
                "leadslock consent event 1".to_owned(),
                text("id"),
                export["business"]["id"].as_str().unwrap().to_owned(),
                export["phone_hmac"].as_str().unwrap().to_owned(),
                text("sequence"),
                text("lead_id"),
                text("message_id"),
                text("change"),
                text("basis"),
                text("source"),
                text("rule"),
                text("wording_digest"),
                text("at"),
                text("expires_at"),
                previous,
            ];
            assert_eq!(digest(link.join("\n").as_bytes()), text("hash"));
            previous = text("hash");
        }
        assert_eq!(export["chain"]["head"], previous);
    });
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

#[test]
fn texts_of_an_export_come_in_pages() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for number in 1..=203 {
            calls.receive(number, "text", "hello").await;
        }
        let first = calls.export(None).await;
        let texts = first["texts"].as_array().unwrap();
        assert_eq!(texts.len(), 200);
        let second = calls.export(texts.last().map(|text| &text["id"])).await;
        assert_eq!(second["texts"].as_array().unwrap().len(), 3);
    });
}

/// By an operator, from the number as it is written.
#[test]
fn an_operator_gets_the_evidence_of_a_phone_number() {
    on_a_stack(async |stack| {
        stack.text("please stop texting me");
        stack.wait_for_value("select count(*) from app.consent_events", "1").await;
        let (shop, phone) = (Phone::parse(SHOP).unwrap(), Phone::parse(LEAD).unwrap());
        let export = stack.operator(Task::Consent { shop, phone }).await;
        assert_eq!(export["events"][0]["change"], "withdrawn");
        assert_eq!(export["events"][0]["wording"], "please stop texting me");
        assert_eq!(export["texts"][0]["direction"], "inbound");
        assert_eq!(export["chain"]["first_break"], Value::Null);
    });
}
