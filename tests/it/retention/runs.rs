//! Runs: missed, cut off, two at once.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use leadslock::{
    data::retention::{LIMITS, purge},
    paths,
};
use operator::Task;
use serde_json::{Value, json};
use stack::product;

use super::{EVENTS_LEFT, NOTED, add_overdue_events, purger, retain};
use crate::support::{TestStack, calls::Calls, interceptor::Manner, on_a_stack, run};

#[test]
fn ten_missed_days_are_made_up_for_by_one_run() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 5500).await;
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["retention_behind"], json!(["webhook_events_status"]));
        assert_eq!(status["retention_last_run"], Value::Null);

        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(EVENTS_LEFT).await, "0");
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["retention_behind"], json!([]));
        assert_eq!(status["retention_last_run"]["is_complete"], true);
        assert_eq!(
            status["retention_last_run"]["purged"],
            json!({ "webhook_events_status": 5500 })
        );
        let audit = "select count(*) from app.audit_events a join app.retention_runs r
                       on r.id = a.subject_id where a.action = 'retention_run'";
        assert_eq!(stack.value(audit).await, "1");
    });
}

#[test]
fn two_runs_at_once_share_the_work() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 8000).await;
        let (one, other) = (purger(stack), purger(stack));
        let (one, other) = tokio::join!(one.run(|| true), other.run(|| true));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one.is_complete && other.is_complete);
        let of = |report: &purge::Report| report.purged.values().sum::<u64>();
        assert_eq!(of(&one) + of(&other), 8000);
        assert_eq!(stack.value(EVENTS_LEFT).await, "0");
        assert_eq!(stack.value(NOTED).await, "8000");
    });
}

#[test]
fn a_run_that_has_no_time_left_is_gone_on_with() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 3500).await;
        let purger = purger(stack);
        let nothing = purger.run(|| false).await.unwrap();
        assert!(!nothing.is_complete && nothing.purged.is_empty());
        assert_eq!(stack.value(EVENTS_LEFT).await, "3500");
        assert_eq!(stack.operator(Task::Status).await["retention_last_run"]["is_complete"], false);

        // A batch of each kind, of which one is looked for in two places; and another.
        let asked = AtomicUsize::new(0);
        let has_time = || asked.fetch_add(1, Ordering::Relaxed) < LIMITS.len() + 2;
        let part = purger.run(has_time).await.unwrap();
        assert!(!part.is_complete);
        assert_eq!(part.purged["webhook_events_status"], 2000);

        let rest = purger.run(|| true).await.unwrap();
        assert!(rest.is_complete);
        assert_eq!(rest.purged["webhook_events_status"], 1500);
        assert_eq!(stack.value(EVENTS_LEFT).await, "0");
    });
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_its_work_is_on_record() {
    run(async {
        for manner in [Manner::HoldRequest, Manner::HoldResponse] {
            let stack = TestStack::start().await;
            add_overdue_events(&stack, 3500).await;
            // After a batch of each kind, and one more.
            let batches = LIMITS.len();
            for _ in 0..batches {
                stack.interceptor.set_once("purge", Manner::Delay(Duration::ZERO));
            }
            stack.interceptor.set_once("purge", manner);
            let killed = async {
                stack.interceptor.wait_for_calls("purge", batches + 1).await;
                stack.kill("cron_retention").await;
            };
            tokio::join!(stack.edge().fire_cron(paths::CRON_RETENTION), killed).0.ok();
            stack.interceptor.clear();
            let left: i64 = stack.value(EVENTS_LEFT).await.parse().unwrap();
            assert!((1..3500).contains(&left), "{left} are left");
            // What is gone is on record, told or not.
            assert_eq!(stack.value(NOTED).await, (3500 - left).to_string());

            assert_eq!(retain(&stack).await, 200);
            assert_eq!(stack.value(EVENTS_LEFT).await, "0");
            assert_eq!(stack.value(NOTED).await, "3500");
            let runs =
                "select string_agg(is_complete::text, ' ' order by id) from app.retention_runs";
            assert_eq!(stack.value(runs).await, "false true");
            stack.stop().await;
        }
    });
}

#[test]
fn a_database_that_fails_keeps_a_run_for_later() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 10).await;
        stack.interceptor.set("check_deadlines", Manner::Unavailable);
        assert_eq!(retain(stack).await, 503);
        stack.interceptor.clear();

        // One that fails keeps no other kind back.
        let day = "insert into app.refusals values (current_date - 500, '/api/x', 'x', 1)";
        stack.database.batch_execute(day).await.unwrap();
        stack
            .database
            .batch_execute(
                "create function local.fail() returns trigger language plpgsql as
               'begin raise exception ''no''; end';
             create trigger fails before delete on app.webhook_events
               for each row execute function local.fail()",
            )
            .await
            .unwrap();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value("select count(*) from app.refusals").await, "0");
        assert_eq!(stack.operator(Task::Status).await["retention_last_run"]["is_complete"], false);

        stack.database.batch_execute("drop trigger fails on app.webhook_events").await.unwrap();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(EVENTS_LEFT).await, "0");
    });
}

/// A batch that is too much for the database is tried in parts, in the same run.
#[test]
fn what_cannot_go_at_once_goes_in_parts() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 2500).await;
        let bound = "create function local.fail() returns trigger language plpgsql as
                       'begin
                          if (select count(*) from gone) > 100 then raise exception ''too many''; end if;
                          return null;
                        end';
                     create trigger fails after delete on app.webhook_events
                       referencing old table as gone
                       for each statement execute function local.fail()";
        stack.database.batch_execute(bound).await.unwrap();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.value(EVENTS_LEFT).await, "0");
        assert_eq!(stack.operator(Task::Status).await["retention_last_run"]["is_complete"], true);
    });
}

#[test]
fn only_the_scheduler_starts_a_run() {
    on_a_stack(async |stack| {
        add_overdue_events(stack, 10).await;
        let url = stack.url(paths::CRON_RETENTION);
        for (request, want) in [
            (stack.client.get(url.clone()), 401),
            (stack.client.get(url.clone()).bearer_auth("another-secret-of-crons"), 401),
            (stack.client.post(url.clone()).bearer_auth(product::CRON_SECRET), 405),
        ] {
            assert_eq!(request.send().await.unwrap().status(), want);
        }
        assert_eq!(stack.value("select count(*) from app.retention_runs").await, "0");
        assert_eq!(stack.value(EVENTS_LEFT).await, "10");
    });
}

#[test]
fn missed_deadlines_are_reported_by_id() {
    on_a_stack(async |stack| {
        let business = stack.value("select id from app.businesses").await.parse().unwrap();
        let task = Task::Export { business, format: "csv".to_owned() };
        let export = stack.operator(task).await["export_id"].clone();
        assert_eq!(retain(stack).await, 200);
        assert_eq!(stack.operator(Task::Status).await["overdue"], json!([]));

        Calls(stack).wait(8 * 24 * 3600).await;
        assert_eq!(retain(stack).await, 200);
        let overdue = &stack.operator(Task::Status).await["overdue"][0];
        assert_eq!((&overdue["kind"], &overdue["id"]), (&json!("export"), &export));
        let closure = "insert into app.closures (business_id, ends_owner, requested_at, purge_at)
                       select gen_random_uuid(), false, app.clock() - interval '25 hours',
                         app.clock() + interval '89 days'
                       returning id::text";
        let closure: String = stack.rows(closure, &[]).await[0].get(0);
        assert_eq!(retain(stack).await, 200);
        let audited = "select subject_id from app.audit_events where action = 'closure_overdue'";
        assert_eq!(stack.value(audited).await, closure);
        let audit = "select subject_id from app.audit_events where action = 'export_overdue'";
        assert_eq!(json!(stack.value(audit).await), export);
        let logged = stack.log().into_iter().find(|line| line.contains("a deadline is missed"));
        assert!(logged.unwrap().contains(export.as_str().unwrap()));
    });
}
