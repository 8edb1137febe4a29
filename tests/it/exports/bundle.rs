//! What is in a bundle.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read as _},
    time::Duration,
};

use leadslock::data::export::schema::FILES;
use operator::Task;
use serde_json::{Value, json};
use simulators::twilio::inbound::Medium;
use uuid::Uuid;

use super::{Owner, check_objects, fill, sha256};
use crate::support::{LEAD, OWNER, SHOP, calls::Calls, on_a_stack};

#[test]
fn everything_is_in_the_bundle_in_both_formats() {
    on_a_stack(async |stack| {
        fill(stack, 2000).await;
        let owner = Owner::of(stack).await;
        let bodies = stack
            .rows("select body from app.messages order by id", &[])
            .await
            .iter()
            .map(|row| row.get::<_, String>(0))
            .collect::<Vec<_>>();

        let bundle = owner.take("json").await;
        for (file, count) in &bundle.rows {
            assert_eq!(bundle.json(file).len() as u64, *count, "{file}");
        }
        assert_eq!(bundle.rows.keys().map(String::as_str).collect::<BTreeSet<_>>(), names());
        for (file, sql) in [
            ("profile", "select count(*) from app.businesses"),
            ("numbers", "select count(*) from app.sender_numbers where business_id is not null"),
            ("leads", "select count(*) from app.leads"),
            ("messages", "select count(*) from app.messages"),
            ("consent", "select count(*) from app.consent_events"),
            ("suppressions", "select count(*) from app.suppressions"),
            ("audit", "select count(*) from app.audit_events where action <> 'export_ready'"),
        ] {
            assert_eq!(bundle.rows[file].to_string(), stack.value(sql).await, "{file}");
        }
        let messages = bundle.json("messages");
        assert_eq!(messages.iter().map(|row| row["body"].clone()).collect::<Vec<_>>(), bodies);
        assert_eq!(bundle.json("leads")[0]["phone"], LEAD);
        assert_eq!(bundle.json("profile")[0]["owner_email"], OWNER);

        let bundle = owner.take("csv").await;
        let messages = bundle.csv("messages");
        assert_eq!(messages.iter().map(|row| row["body"].clone()).collect::<Vec<_>>(), bodies);
        assert_eq!(bundle.csv("leads")[0]["phone"], LEAD);
        let raw = bundle.file("messages.csv");
        assert!(raw.contains("\"'=cmd|") && !raw.contains("\"=cmd|"));
        assert!(bundle.file("README.txt").contains("le français suit"));
        check_objects(stack).await;
        assert_eq!(stack.value("select count(*) from app.export_chunks").await, "0");

        let file = std::env::temp_dir().join(format!("leadslock-bundle-{}.zip", Uuid::new_v4()));
        std::fs::write(&file, &bundle.bytes).unwrap();
        let report = stack.operator(Task::VerifyBundle { file: file.clone() }).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!(report["sha256"], sha256(&bundle.bytes));
    });
}

fn names() -> BTreeSet<&'static str> {
    FILES.iter().map(|file| file.name).collect()
}

/// What is in the bundle is what its snapshot could see: not one text more or less.
#[test]
fn it_is_all_of_one_moment_while_texts_keep_arriving() {
    on_a_stack(async |stack| {
        fill(stack, 3000).await;
        let owner = Owner::of(stack).await;
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let writer = stack.connect().await;
        let arriving = tokio::spawn(async move {
            let text = "insert into app.messages
                          (business_id, lead_id, sender_phone, direction, author, body, status)
                        select business_id, id, '+15145550100', 'inbound', 'lead', 'more', 'received'
                        from app.leads";
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while stopped.try_recv().is_err() {
                writer.execute(text, &[]).await.unwrap();
                pace.tick().await;
            }
        });
        let more = "select count(*) >= 3050 from app.messages";
        stack.wait_for_value(more, "true").await;

        let export = owner.ask("json").await;
        let ready = owner.wait(&export).await;
        let then = stack.value("select count(*) from app.messages").await;
        stop.send(()).unwrap();
        arriving.await.unwrap();

        let bundle = owner.fetch(&ready).await;
        let visible = "select m.id::text
                       from app.messages m, app.exports e
                       where pg_visible_in_snapshot(m.xmin::text::xid8, e.snapshot::pg_snapshot)
                       order by m.id";
        let visible: Vec<String> =
            stack.rows(visible, &[]).await.iter().map(|row| row.get(0)).collect();
        let exported = bundle.json("messages");
        let exported: Vec<_> = exported.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(exported, visible);
        assert!(visible.len() > 3050 && visible.len() <= then.parse().unwrap());
    });
}

/// Pictures are in the bundle as they came, and are erased with the person.
#[test]
fn pictures_are_exported_and_erased() {
    on_a_stack(async |stack| {
        let picture = b"\x89PNG\r\n\x1a\n and what is in it".to_vec();
        let media = vec![Medium::file("image/png", &picture)];
        stack.simulator().text_with_media(LEAD, SHOP, "", media).unwrap();
        stack.wait_for_value("select count(*) from app.media where state = 'stored'", "1").await;
        let owner = Owner::of(stack).await;
        let bundle = owner.take("json").await;
        let row = &bundle.json("media")[0];
        let mut zip = zip::ZipArchive::new(Cursor::new(&bundle.bytes)).unwrap();
        let mut content = Vec::new();
        let mut file = zip.by_name(row["file"].as_str().unwrap()).unwrap();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, picture);
        assert_eq!(row["sha256"], sha256(&picture));

        let session = owner.session().await;
        let lead: Value = stack.rows("select to_jsonb(id) from app.leads", &[]).await[0].get(0);
        let calls = Calls(stack);
        calls.call("erase_lead", json!({ "session": session, "lead_id": lead })).await;
        let objects = "select count(*) from storage.objects where bucket_id = 'media'";
        assert_eq!(stack.value(objects).await, "1");
        stack.run_scheduler_later().await;
        stack.wait_for_value(objects, "0").await;
        stack.wait_for_value("select count(*) from app.object_deletions", "0").await;
    });
}

/// A person asks what there is about them, and to have it erased.
#[test]
fn a_lead_is_exported_and_erased_and_never_texted_again() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.receive(1, "text", "hello, it is Zoe").await;
        calls.receive(2, "stop", "please stop, says Zoe").await;
        let session =
            "select jsonb_build_object('user_id', user_id, 'session_id', id, 'aal', 'aal1')
                       from auth.sessions order by created_at desc limit 1";
        let _owner = Owner::of(stack).await;
        let session: Value = stack.rows(session, &[]).await[0].get(0);
        let lead: Value = stack.rows("select to_jsonb(id) from app.leads", &[]).await[0].get(0);
        let request = json!({ "session": session, "lead_id": lead });

        let export = calls.call("export_lead", request.clone()).await;
        assert_eq!(export["person"]["phone"], LEAD);
        assert_eq!(export["texts"][1]["body"], "please stop, says Zoe");
        assert_eq!(export["consent"][1]["wording"], "please stop, says Zoe");
        assert_eq!(export["suppressed"][0]["reason"], "opted_out");

        let foreign = json!({ "session": session, "lead_id": Uuid::nil() });
        for function in ["export_lead", "erase_lead"] {
            let sql = format!("select public.{function}($1)");
            let refused = stack.database.query_one(&sql, &[&foreign]).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "PT404");
        }

        assert_eq!(calls.call("erase_lead", request).await["outcome"], "erased");
        let traces = "select count(*) from (
                        select to_jsonb(t) as row from app.leads t
                        union all select to_jsonb(t) from app.messages t
                        union all select to_jsonb(t) from app.jobs t
                        union all select to_jsonb(t) from app.consent_events t
                        union all select to_jsonb(t) from app.audit_events t
                        union all select to_jsonb(t) from app.suppressions t
                      ) r
                      where row::text like '%Zoe%' or row::text like '%+15145550123%'";
        assert_eq!(stack.value(traces).await, "0");
        let proof = "select actor from app.audit_events where action = 'lead_erased'";
        assert_eq!(stack.value(proof).await, "owner");
        let whole =
            "select app.first_break_of_consent(business_id, phone_hmac) from app.consent_ledgers";
        assert_eq!(stack.value(whole).await, "null");

        // Whoever comes back is known by the hash, and has still said stop.
        let again = "select app.is_suppressed(business_id, phone_hmac) from app.consent_ledgers";
        assert_eq!(stack.value(again).await, "true");
    });
}
