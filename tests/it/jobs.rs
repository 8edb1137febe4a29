//! Owed work: what is claimed by whom, for how long, and what becomes of a failure. The
//! rules are the same for whatever is owed; a row of the table is a kind.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{TestStack, calls::Calls, on_a_stack};

/// A kind, and how one of it comes to be owed. `due` jobs are claimed by nobody.
struct Kind {
    name: &'static str,
    queue: &'static str,
    /// Makes `due` of it.
    owe: &'static str,
    lease: u64,
    longest_wait: u64,
    most_attempts: Option<u32>,
}

/// Of the one text there is.
const MESSAGE: &str =
    "select text(app.owe_job('{kind}', id, p_run_at => app.clock())) from app.messages";

const KINDS: [Kind; 6] = [
    text("reply"),
    text("send"),
    text("redact"),
    text("media"),
    Kind {
        name: "export",
        queue: "exports",
        owe: "with export as (
                insert into app.exports (business_id, format, requested_by, due_on, due_at)
                select id, 'csv', 'owner', now() + interval '9 days', now() + interval '9 days'
                from app.businesses returning id
              )
              select text(app.owe_job('export', p_export_id => id, p_run_at => app.clock())) from export",
        lease: 180,
        longest_wait: 900,
        most_attempts: None,
    },
    Kind {
        name: "closure",
        queue: "closures",
        owe: "with closure as (
                insert into app.closures (business_id, ends_owner, purge_at)
                select id, false, now() + interval '90 days' from app.businesses returning id
              )
              select text(app.owe_job('closure', p_closure_id => id, p_run_at => app.clock())) from closure",
        lease: 900,
        longest_wait: 3600,
        most_attempts: None,
    },
];

const fn text(name: &'static str) -> Kind {
    Kind {
        name,
        queue: "texts",
        owe: MESSAGE,
        lease: 60,
        longest_wait: 900,
        most_attempts: Some(12),
    }
}

impl Kind {
    async fn owe(&self, stack: &TestStack) -> String {
        if self.queue == "texts" {
            Calls(stack).receive(1, "text", "Are you open?").await;
            stack.database.batch_execute("delete from app.jobs").await.unwrap();
        }
        stack.rows(&self.owe.replace("{kind}", self.name), &[]).await[0].get(0)
    }
}

/// The row of a job, with how many seconds it is from being due.
async fn row(stack: &TestStack, job: &str) -> Value {
    let row = "select to_jsonb(j) || jsonb_build_object(
                 'due_in', extract(epoch from j.run_at - app.clock()))
               from app.jobs j where id::text = $1";
    stack.rows(row, &[&job]).await[0].get(0)
}

#[test]
fn the_table_has_every_kind() {
    on_a_stack(async |stack| {
        let kinds = "select kind || ' ' || queue || ' ' || extract(epoch from lease)::int || ' '
                       || extract(epoch from longest_wait)::int || ' '
                       || coalesce(most_attempts::text, '-')
                     from app.job_kinds()";
        let told: BTreeSet<String> =
            stack.rows(kinds, &[]).await.iter().map(|row| row.get(0)).collect();
        let known = KINDS.iter().map(|kind| {
            let most = kind.most_attempts.map_or("-".to_owned(), |most| most.to_string());
            format!("{} {} {} {} {most}", kind.name, kind.queue, kind.lease, kind.longest_wait)
        });
        assert_eq!(told, known.collect());
    });
}

/// A claim lasts for the kind's lease, then another may have it; and the first, who comes
/// back late, changes nothing.
#[test]
fn a_job_is_whose_claim_is_the_newest() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for kind in &KINDS[3..] {
            let job = kind.owe(stack).await;
            let claim = json!({ "queue": kind.queue, "limit": 5 });
            let nothing = json!({ "queue": kind.queue, "limit": 0 });
            assert_eq!(calls.call("claim_jobs", nothing).await["claimed"], 0, "{}", kind.name);
            let claimed = calls.call("claim_jobs", claim.clone()).await;
            assert_eq!(claimed["claimed"], 1, "{}", kind.name);
            let first = row(stack, &job).await;
            assert!(first["due_in"].as_f64().unwrap() <= kind.lease as f64, "{}", kind.name);
            assert_eq!((&first["attempts"], &first["fencing_token"]), (&json!(1), &json!(1)));

            assert_eq!(calls.call("claim_jobs", claim.clone()).await["claimed"], 0);
            calls.wait(kind.lease / 2).await;
            assert_eq!(calls.call("claim_jobs", claim.clone()).await["claimed"], 0);
            calls.wait(kind.lease - kind.lease / 2).await;
            assert_eq!(calls.call("claim_jobs", claim).await["claimed"], 1, "{}", kind.name);
            let before = row(stack, &job).await;
            let late = json!({ "job_id": job, "fencing_token": 1, "fault": "late" });
            for function in ["fail_job", "release_job"] {
                assert_eq!(calls.call(function, late.clone()).await["outcome"], "stale");
            }
            assert_eq!(row(stack, &job).await["run_at"], before["run_at"], "{}", kind.name);

            let lease = json!({ "job_id": job, "fencing_token": 2 });
            assert_eq!(calls.call("release_job", lease.clone()).await["outcome"], "released");
            let released = row(stack, &job).await;
            assert!(released["due_in"].as_f64().unwrap() <= 0.0, "{}", kind.name);
            assert_eq!(released["attempts"], 1, "time that is up is no attempt");
        }
    });
}

/// What fails waits twice as long each time, up to the kind's longest wait, and never less
/// than half of that.
#[test]
fn waits_double_with_jitter() {
    on_a_stack(async |stack| {
        for kind in &KINDS {
            for attempt in 1..=14 {
                let most = (10 * 2_u64.pow(attempt - 1)).min(kind.longest_wait);
                let drawn = format!(
                    "select concat_ws(' ', min(w) >= {most} / 2.0, max(w) <= {most}, min(w) < max(w))
                     from (
                       select extract(epoch from app.wait_after('{}', {attempt})) as w
                       from generate_series(1, 100)
                     ) d",
                    kind.name
                );
                assert_eq!(stack.value(&drawn).await, "t t t", "{}, {attempt}", kind.name);
            }
        }
    });
}

/// Why it failed is kept. What may be given up is, with all that is told of it.
#[test]
fn what_fails_is_tried_again_and_given_up_if_it_may_be() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for kind in &KINDS[3..] {
            let job = kind.owe(stack).await;
            let claim = json!({ "queue": kind.queue, "limit": 1 });
            for attempt in 1..=kind.most_attempts.unwrap_or(14) {
                assert_eq!(calls.call("claim_jobs", claim.clone()).await["claimed"], 1);
                let lease = json!({ "job_id": job, "fencing_token": attempt, "fault": "broken" });
                assert_eq!(calls.call("fail_job", lease).await["outcome"], "postponed");
                let row = row(stack, &job).await;
                let due_in = row["due_in"].as_f64().unwrap();
                let most = (10 * 2_u64.pow(attempt - 1)).min(kind.longest_wait) as f64;
                assert!(due_in <= most, "{}, {attempt}: {row}", kind.name);
                assert_eq!(row["last_fault"], "broken");
                calls.wait(most as u64).await;
            }
            let last = calls.call("claim_jobs", claim).await;
            let is_given_up = kind.most_attempts.is_some();
            assert_eq!(last["work"].as_array().unwrap().is_empty(), is_given_up, "{}", kind.name);
            let state = if is_given_up { "dead" } else { "open" };
            assert_eq!(row(stack, &job).await["state"], state, "{}", kind.name);
        }
        let told = "select string_agg(action, ', ' order by action) from app.audit_events
                    where action in ('job_dead', 'closure_stuck')";
        assert_eq!(stack.value(told).await, "closure_stuck, job_dead");
    });
}

/// Executables of before there were queues name the export or closure, and claim by its
/// name.
#[test]
fn executables_of_before_go_on() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for (kind, alarm) in [("export", "close_to_due"), ("closure", "overdue")] {
            KINDS.iter().find(|of| of.name == kind).unwrap().owe(stack).await;
            let claimed = calls.call(&format!("claim_{kind}"), json!({})).await;
            assert_eq!(claimed[alarm], 0, "{claimed}");
            let id = format!("{kind}_id");
            let lease = json!({
                &id: claimed["work"][&id], "fencing_token": claimed["work"]["fencing_token"],
                "fault": "broken",
            });
            let step = if kind == "export" { "snapshot_export" } else { "next_closure_step" };
            let taken = calls.call(step, lease.clone()).await;
            assert!(taken["outcome"] == "taken" || taken["step"] == "billing", "{taken}");
            let failed = calls.call(&format!("fail_{kind}"), lease.clone()).await;
            assert_eq!(failed["outcome"], "postponed");
            let mut late = lease;
            late["fencing_token"] = json!(0);
            assert_eq!(calls.call(&format!("fail_{kind}"), late).await["outcome"], "stale");
        }
        let claimed = calls.call("claim_closure", json!({})).await;
        assert_eq!(claimed["work"], Value::Null, "it waits");
        let texts = calls.call("claim_jobs", json!({ "limit": 1 })).await;
        assert_eq!(texts["claimed"], 0);
    });
}
