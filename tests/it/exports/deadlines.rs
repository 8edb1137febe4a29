//! By when it is due, and how long it is kept.

use std::time::Duration;

use operator::Task;
use serde_json::json;
use uuid::Uuid;

use super::Owner;
use crate::support::{PATIENCE, calls::Calls, on_a_stack};

#[test]
fn old_bundles_are_deleted_after_seven_days() {
    on_a_stack(async |stack| {
        let owner = Owner::of(stack).await;
        let export = owner.ask("json").await;
        owner.wait(&export).await;
        let objects = "select count(*) from storage.objects where bucket_id = 'exports'";
        assert_eq!(stack.value(objects).await, "1");

        let calls = Calls(stack);
        calls.wait(7 * 24 * 3600 - 3600).await;
        assert_eq!(stack.run_scheduler().await, 200);
        stack.interceptor.wait_for_calls("claim_jobs exports", 1).await;
        assert_eq!(stack.value(objects).await, "1");

        calls.wait(3600).await;
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value("select state from app.exports", "expired").await;
        assert_eq!(stack.value(objects).await, "0");
    });
}

/// Counted by hand from the calendars of 2026 to 2028: the holidays all of Canada has.
#[test]
fn an_export_is_due_after_five_business_days() {
    on_a_stack(async |stack| {
        for (day, due) in [
            ("2026-11-23", "2026-11-30"),
            ("2026-11-27", "2026-12-04"),
            ("2026-11-28", "2026-12-04"),
            ("2026-11-29", "2026-12-04"),
            // Christmas and New Year, but not Boxing Day.
            ("2026-12-18", "2026-12-28"),
            ("2026-12-24", "2027-01-04"),
            // A Christmas on a Saturday is not made up for.
            ("2027-12-20", "2027-12-27"),
            // Good Friday, and not Easter Monday.
            ("2026-03-31", "2026-04-08"),
            ("2027-03-25", "2027-04-02"),
            ("2028-04-13", "2028-04-21"),
            // Canada Day: on a Wednesday, and on a Saturday.
            ("2026-06-29", "2026-07-07"),
            ("2028-06-30", "2028-07-07"),
            // Labour Day; Victoria Day and Thanksgiving do not count.
            ("2026-09-04", "2026-09-14"),
            ("2028-09-01", "2028-09-11"),
            ("2026-05-15", "2026-05-22"),
            ("2026-10-09", "2026-10-16"),
        ] {
            let sql = format!("select app.business_days_after('{day}', 5)");
            assert_eq!(stack.value(&sql).await, due, "{day}");
        }
    });
}

/// Asked for by e-mail: it is owed from then on, and begins when the owner asks too.
#[test]
fn a_request_by_other_means_waits_for_the_owner_and_shows_when_it_is_urgent() {
    on_a_stack(async |stack| {
        let business: Uuid = stack.value("select id from app.businesses").await.parse().unwrap();
        let asked = stack.operator(Task::Export { business, format: "csv".to_owned() }).await;
        assert_eq!(asked["state"], "unconfirmed");
        assert_eq!(stack.run_scheduler().await, 200);
        let status = stack.operator(Task::Status).await;
        assert_eq!(
            (&status["exports_unconfirmed"], &status["exports_close_to_due"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(stack.value("select count(*) from app.jobs").await, "0");

        // Due in 5 business days: at most 9 days, of which 60 % are over after 6.
        Calls(stack).wait(6 * 24 * 3600).await;
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["exports_most_urgent"][0]["export_id"], asked["export_id"]);
        Calls(stack).wait(4 * 24 * 3600).await;
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["exports_overdue"], 1);
        assert_eq!(stack.run_scheduler().await, 200);
        stack.interceptor.wait_for_calls("claim_jobs exports", 2).await;
        let warned = async {
            while !stack.log().iter().any(|line| line.contains("jobs are late")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, warned).await.expect("nobody is warned");

        let owner = Owner::of(stack).await;
        let export = owner.ask("csv").await;
        assert_eq!(export["export_id"], asked["export_id"]);
        assert_eq!(export["due_on"], asked["due_on"]);
        owner.fetch(&owner.wait(&export).await).await;
        let trail =
            "select string_agg(actor || ' ' || action, ', ' order by id) from app.audit_events
                     where action like 'export%'";
        assert_eq!(
            stack.value(trail).await,
            "operator export_requested, owner export_confirmed, system export_ready"
        );
    });
}
