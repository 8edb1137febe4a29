//! What goes when, and what stays.

use leadslock::data::retention::{LIMITS, markdown};
use operator::Task;
use serde_json::{Value, json};

use super::{add_texts, freeze, retain};
use crate::support::{LEAD, SHOP, calls::Calls, on_a_stack};

/// How a row of a kind comes about at a time, and the times of those there are.
const PLANTED: [(&str, &str, &str); 14] = [
    (
        "webhook_events_stripe",
        "insert into app.webhook_events select 'stripe', 'evt_' || $1, 'x', $1::timestamptz",
        "select received_at from app.webhook_events where provider = 'stripe'",
    ),
    (
        "webhook_events_message",
        "insert into app.webhook_events select 'twilio', 'SM' || $1, 'message', $1::timestamptz",
        "select received_at from app.webhook_events where event_id like 'SM20%' and type = 'message'",
    ),
    (
        "webhook_events_status",
        "insert into app.webhook_events select 'twilio', 'SM:' || $1, 'status', $1::timestamptz",
        "select received_at from app.webhook_events where type = 'status'",
    ),
    (
        "status_events",
        "insert into app.status_events (id, message_id, twilio_sid, status, fields, received_at)
         select app.first_id_at($1::timestamptz), id, 'SM' || repeat('0', 32), 'sent', '{}',
           $1::timestamptz
         from app.messages limit 1",
        "select received_at from app.status_events",
    ),
    (
        "jobs_done",
        "insert into app.jobs (id, kind, message_id, state, finished_at)
         select app.first_id_at($1::timestamptz), 'reply', id, 'done', $1::timestamptz
         from app.messages m
         where not exists (select from app.jobs j where j.message_id = m.id) limit 1",
        "select finished_at from app.jobs where state = 'done'",
    ),
    (
        "jobs_dead",
        "insert into app.jobs (id, kind, message_id, state, finished_at)
         select app.first_id_at($1::timestamptz), 'reply', id, 'dead', $1::timestamptz
         from app.messages m
         where not exists (select from app.jobs j where j.message_id = m.id) limit 1",
        "select finished_at from app.jobs where state = 'dead'",
    ),
    (
        "exports",
        "insert into app.exports (business_id, format, state, requested_by, due_on, due_at,
           byte_count, sha256, finished_at, expires_at)
         select id, 'csv', 'expired', 'owner', now(), now(), 1, sha256('x'), now(), $1::timestamptz
         from app.businesses",
        "select expires_at from app.exports where state = 'expired'",
    ),
    (
        "stray_objects",
        "insert into storage.objects (bucket_id, name, created_at)
         select 'media', gen_random_uuid() || '/' || gen_random_uuid() || '/0', $1::timestamptz",
        "select created_at from storage.objects o
         where not exists (select from app.object_deletions d where d.path = o.name)",
    ),
    (
        "refusals",
        "insert into app.refusals
         select ($1::timestamptz at time zone 'UTC')::date, '/api/x', 'x', 1",
        "select day::timestamp at time zone 'UTC' from app.refusals",
    ),
    (
        "consent",
        "with chain as (
           insert into app.consent_ledgers (business_id, phone_hmac, length, head, orphaned_at)
           select id, sha256(convert_to($1, 'UTF8')), 1, sha256('x'), $1::timestamptz
           from app.businesses returning *
         )
         insert into app.consent_events (business_id, phone_hmac, lead_id, change, source, sequence,
           previous_hash, hash)
         select business_id, phone_hmac, gen_random_uuid(), 'withdrawn', 'text', 1, head, head
         from chain",
        "select l.orphaned_at from app.consent_ledgers l
         full join app.consent_events e using (business_id, phone_hmac)
         where e.change is distinct from 'granted'",
    ),
    (
        "erased_leads",
        "with closure as (
           insert into app.closures (business_id, ends_owner, purge_at)
           values (gen_random_uuid(), false, 'infinity') returning id
         )
         insert into app.erased_leads
         select id, sha256(convert_to($1, 'UTF8')), $1::timestamptz from closure",
        "select at from app.erased_leads",
    ),
    (
        "audit_events",
        "insert into app.audit_events (id, actor, action, at)
         select app.first_id_at($1::timestamptz), 'system', 'planted', $1::timestamptz",
        "select at from app.audit_events where action = 'planted'",
    ),
    (
        "retention_runs",
        "insert into app.retention_runs (id, started_at)
         select app.first_id_at($1::timestamptz), $1::timestamptz",
        "select started_at from app.retention_runs where finished_at is null
         and started_at < app.clock() - interval '1 day'",
    ),
    (
        "auth_audit",
        "insert into auth.audit_log_entries (id, payload, created_at)
         select gen_random_uuid(), '{}', $1::timestamptz",
        "select created_at from auth.audit_log_entries",
    ),
];

#[test]
fn the_documentation_has_the_limits_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/retention.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let want = markdown();
    assert!(documented.contains(&want), "docs/retention.md has to hold:\n\n{want}");
}

#[test]
fn each_limit_is_kept_to_the_second() {
    on_a_stack(async |stack| {
        add_texts(stack, 4).await;
        freeze(stack).await;
        assert_eq!(PLANTED.map(|(kind, ..)| kind), LIMITS.each_ref().map(|limit| limit.kind));
        for ((kind, plant, _), limit) in PLANTED.iter().zip(&LIMITS) {
            for second in [-1_i32, 1] {
                let sql = format!("with t as (select ($1::text)) {plant}");
                let sql = if plant.starts_with("with ") { (*plant).to_owned() } else { sql };
                let at = format!(
                    "select app.clock() - interval '{} seconds' + interval '{second} second'",
                    limit.age().as_secs()
                );
                let at = stack.value(&at).await;
                let planted = stack.database.execute(&sql, &[&at]).await;
                assert_eq!(
                    planted.unwrap_or_else(|error| panic!("{kind}: {error:?}")),
                    1,
                    "{kind}"
                );
            }
        }
        let left = async |query: &str| -> Vec<String> {
            let sql = format!(
                "select extract(epoch from app.clock() - p.at)::bigint::text from ({query}) p (at)"
            );
            stack.rows(&sql, &[]).await.iter().map(|row| row.get(0)).collect()
        };
        let purged = "select purged from app.retention_runs order by id desc limit 1";
        let each_once: Value =
            LIMITS.iter().map(|limit| (limit.kind.to_owned(), json!(1))).collect();

        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.rows(purged, &[]).await[0].get::<_, Value>(0), each_once);
        for ((kind, _, query), limit) in PLANTED.iter().zip(&LIMITS) {
            // Of a day, its beginning.
            let young = limit.age().as_secs() - u64::from(*kind != "refusals");
            assert_eq!(left(query).await, [young.to_string()], "{kind}");
        }

        // A day later the other one of each has gone, too.
        stack
            .database
            .batch_execute("update local.frozen set at = at + interval '1 day'")
            .await
            .unwrap();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.rows(purged, &[]).await[0].get::<_, Value>(0), each_once);
        for (kind, _, query) in PLANTED {
            assert!(left(query).await.is_empty(), "{kind}");
        }
    });
}

#[test]
fn what_somebody_still_needs_stays_however_old_it_is() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        // An open job, the log that knows the text again, the evidence of a lead there is.
        calls.receive(1, "text", "hello").await;
        calls.receive(2, "start", "START").await;
        let picture =
            json!([{ "position": 0, "twilio_sid": format!("ME{:032x}", 1), "told_type": null }]);
        calls.receive_with(3, json!({ "message_sid": format!("MM{:032x}", 3), "media_count": 1, "media": picture })).await;
        // Its object, which is there before its row says so; and a bundle that is owed.
        let path = stack.value("select storage_path from app.media").await;
        stack.storage().upload("media", &path, "image/png", b"\x89PNG"[..].into()).await.unwrap();
        let business = stack.value("select id from app.businesses").await.parse().unwrap();
        stack.operator(Task::Export { business, format: "json".to_owned() }).await;
        stack
            .database
            .batch_execute(
                "insert into app.webhook_events values ('stripe', 'evt_1', 'x', app.clock())",
            )
            .await
            .unwrap();
        let kept = "select concat_ws(' ',
            (select count(*) from app.jobs where state = 'open'), (select count(*) from app.messages),
            (select count(*) from app.consent_events), (select count(*) from app.consent_ledgers),
            (select count(*) from app.media), (select count(*) from app.exports),
            (select count(*) from app.object_deletions))";
        let before = stack.value(kept).await;

        // As far back as Stripe's list is compared, and as a webhook could come again.
        calls.wait(33 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(
            stack.value("select count(*) from app.webhook_events where provider = 'stripe'").await,
            "1"
        );
        calls.wait(360 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(calls.receive(1, "text", "hello").await["outcome"], "duplicate");
        // For ever.
        calls.wait(10 * 366 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(kept).await, before);
        // Where the log has forgotten it, the text itself is known.
        let again = "select public.receive_sms($1)";
        let request = json!({
            "message_sid": crate::support::calls::sid(1), "from": LEAD, "phone_hmac": "ab".repeat(32),
            "to": SHOP, "body": "hello", "media_count": 0, "masked_count": 0, "meaning": "text",
            "language": "en", "rule": null, "is_in_words": false, "is_answered_by_twilio": true,
            "may_join": false,
        });
        let error = stack.database.query_one(again, &[&request]).await.unwrap_err();
        assert_eq!(error.as_db_error().unwrap().constraint(), Some("messages_twilio_sid_key"));
    });
}

/// A bundle's row knows where the bundle is: it goes after it.
#[test]
fn objects_go_before_the_rows_that_know_of_them() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        add_texts(stack, 0).await;
        let add =
            "insert into app.exports (business_id, format, state, requested_by, due_on, due_at,
                     byte_count, sha256, finished_at, expires_at)
                   select id, 'csv', 'ready', 'owner', now(), now(), 1, sha256('x'), now(), now()
                   from app.businesses returning storage_path";
        let bundle: String = stack.rows(add, &[]).await[0].get(0);
        let stray = format!("{0}/{0}/7", uuid::Uuid::nil());
        let foreign = "somebody's/own.txt";
        let storage = stack.storage();
        for (bucket, path, kind) in [
            ("exports", bundle.as_str(), "application/zip"),
            ("media", &stray, "image/png"),
            ("media", foreign, "image/png"),
        ] {
            storage.upload(bucket, path, kind, b"x"[..].into()).await.unwrap();
        }
        calls.wait(100 * 24 * 3600).await;

        assert_eq!(retain(stack).await, 200);
        let ready = "select state from app.exports";
        assert_eq!(stack.value(ready).await, "ready", "its bundle is there");
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["overdue"][0]["kind"], "export_deletion");
        let overdue =
            "select count(*) from app.audit_events where action = 'export_deletion_overdue'";
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(overdue).await, "1", "told once");
        assert!(stack.log().iter().any(|line| line.contains("a deadline is missed")));

        assert_eq!(stack.run_scheduler().await, 200);
        stack
            .wait_for_value(
                "select count(*) from storage.objects where name like '%zip' or name like '%/7'",
                "0",
            )
            .await;
        stack.wait_for_value(ready, "expired").await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value("select count(*) from app.exports").await, "0");
        assert!(
            storage.download("media", foreign, 10).await.unwrap().is_some(),
            "it is none of ours"
        );
        assert_eq!(stack.operator(Task::Status).await["overdue"], json!([]));
    });
}

/// Postgres itself keeps evidence its time, whoever asks and with whatever limit.
#[test]
fn evidence_is_not_deleted_before_its_time() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.receive(1, "start", "START").await;
        let refused = async |sql: &str| {
            let error = stack.database.batch_execute(sql).await.unwrap_err();
            error.as_db_error().unwrap().message().to_owned()
        };
        let kept = "rows of app.consent_ledgers are kept for 3 years";
        assert_eq!(refused("delete from app.consent_ledgers").await, kept);
        assert_eq!(
            refused("delete from app.consent_events").await,
            "rows of app.consent_events go with their chain only",
        );
        for table in ["app.consent_events", "app.consent_ledgers", "app.audit_events"] {
            let never = format!("rows of {table} are never changed");
            assert_eq!(refused(&format!("truncate {table}")).await, never);
        }
        let audit = "rows of app.audit_events are kept for 5 years";
        assert_eq!(refused("delete from app.audit_events").await, audit);

        // A number that is given too low by a mistake deletes nothing.
        let erase = "delete from app.jobs; delete from app.messages; delete from app.leads";
        stack.database.batch_execute(erase).await.unwrap();
        let purge = json!({ "kind": "consent", "seconds": 0, "limit": 10 });
        let purged = stack.database.query_one("select public.purge($1)", &[&purge]).await;
        assert_eq!(purged.unwrap_err().as_db_error().unwrap().message(), kept);

        // The lead comes back after two years: what was is evidence of theirs again.
        calls.wait(2 * 366 * 24 * 3600).await;
        calls.receive(2, "stop", "STOP").await;
        calls.wait(4 * 366 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value("select count(*) from app.consent_events").await, "2");
        // From when it is erased again, the time begins anew.
        stack.database.batch_execute(erase).await.unwrap();
        calls.wait(1095 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value("select count(*) from app.consent_events").await, "2");
        calls.wait(2 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value("select count(*) from app.consent_events").await, "0");
        assert_eq!(stack.value("select count(*) from app.consent_ledgers").await, "0");
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "1", "it stays");
    });
}

#[test]
fn the_planner_keeps_no_sample_of_what_is_gone() {
    on_a_stack(async |stack| {
        add_texts(stack, 100).await;
        let sampled = "select count(*) from pg_stats
                       where schemaname = 'app' and most_common_vals::text like '%15145550199%'";
        stack
            .database
            .batch_execute(
                "update app.messages set sender_phone = '+15145550199'
             where id in (select id from app.messages limit 50);
             analyze app.messages; analyze app.leads",
            )
            .await
            .unwrap();
        assert_eq!(stack.value(sampled).await, "1");
        let of_persons = "select string_agg(attname, ' ') from pg_stats
                          where schemaname = 'app' and attname in ('phone', 'body', 'email', 'wording')
                            and tablename in ('leads', 'messages', 'consent_events')";
        assert_eq!(stack.value(of_persons).await, "null");

        stack
            .database
            .batch_execute(
                "delete from app.jobs;
             delete from app.messages where sender_phone = '+15145550199';
             select pg_stat_force_next_flush()",
            )
            .await
            .unwrap();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(sampled).await, "0");
    });
}
