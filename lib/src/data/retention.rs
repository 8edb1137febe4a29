//! How long what is kept: every limit there is, in one table.
//!
//! A table of the database is in [`LIMITS`] or its description says why it is kept
//! ([`super::tables`]); a test asks the catalog, so that one which is added later is
//! decided about. Of evidence Postgres
//! also knows how long it has to stay at least (`app.refuse_early_deletion`): a
//! wrong number here deletes none.

pub mod purge;

use std::time::Duration;

use super::tables::TABLES;

/// How long one kind of rows is kept.
#[derive(Debug)]
pub struct Limit {
    /// Its name in `app.purge_kinds`.
    pub kind: &'static str,
    /// The table it is in, and which rows of it.
    pub rows: &'static str,
    /// For how many days.
    pub days: u64,
    /// From when on they count.
    pub since: &'static str,
    /// Why that long, and why no longer.
    pub reason: &'static str,
}

impl Limit {
    /// The limit as a time.
    pub const fn age(&self) -> Duration {
        Duration::from_secs(self.days * 24 * 60 * 60)
    }

    /// The table it is in, with its schema.
    pub fn table(&self) -> &'static str {
        self.rows.split_once(':').map_or(self.rows, |(table, _)| table)
    }
}

/// What is deleted when its time is over.
pub const LIMITS: [Limit; 14] = [
    Limit {
        kind: "webhook_events_stripe",
        rows: "app.webhook_events: of Stripe",
        days: 60,
        since: "it came",
        reason: "Stripe repeats an event for 3 days and lists it for 30, as far back as cron/reconcile compares; twice that",
    },
    Limit {
        kind: "webhook_events_message",
        rows: "app.webhook_events: texts",
        days: 400,
        since: "it came",
        reason: "Twilio repeats a webhook for 15 seconds, but its signature holds until the auth token is changed, which is to be done every year: until then the log alone keeps a recorded request from bringing back a text that was erased",
    },
    Limit {
        kind: "webhook_events_status",
        rows: "app.webhook_events: status callbacks",
        days: 90,
        since: "it came",
        reason: "one that comes again moves no text back; at worst it suppresses a number anew",
    },
    Limit {
        kind: "status_events",
        rows: "app.status_events",
        days: 90,
        since: "it came",
        reason: "for a question to Twilio or a carrier about a delivery; where a text ended stays with the text",
    },
    Limit {
        kind: "jobs_done",
        rows: "app.jobs: done",
        days: 30,
        since: "it was done",
        reason: "for whoever asks how a text came about; nothing depends on it",
    },
    Limit {
        kind: "jobs_dead",
        rows: "app.jobs: given up",
        days: 365,
        since: "it was given up",
        reason: "an operator may revive it until then; that it was given up stays in the audit trail",
    },
    Limit {
        kind: "exports",
        rows: "app.exports: expired",
        days: 90,
        since: "the bundle expired",
        reason: "the bundle is gone after 7 days, and this row only when it is; that an export was asked for and made stays in the audit trail",
    },
    Limit {
        kind: "stray_objects",
        rows: "storage.objects: without a row that refers to it",
        days: 1,
        since: "it was stored",
        reason: "an upload that was overtaken by an erasure; a day is far longer than one takes",
    },
    Limit {
        kind: "refusals",
        rows: "app.refusals",
        days: 400,
        since: "the day",
        reason: "counts without persons: a month can be compared with the same of a year before",
    },
    Limit {
        kind: "consent",
        rows: "app.consent_ledgers: without a lead, and app.consent_events with it",
        days: 1096,
        since: "the lead was erased",
        reason: "a sender has to prove consent (CASL, s. 13) for as long as somebody may claim: 3 years; only a keyed hash names the person",
    },
    Limit {
        kind: "erased_leads",
        rows: "app.erased_leads",
        days: 91,
        since: "the person asked",
        reason: "a sealed backup is destroyed 90 days after its account was closed, and nobody can ask before: then there is nothing left to keep the person out of",
    },
    Limit {
        kind: "audit_events",
        rows: "app.audit_events",
        days: 1827,
        since: "it happened",
        reason: "who an incident affected is found out from it, and Quebec's law has incidents on record for 5 years; it holds ids only",
    },
    Limit {
        kind: "retention_runs",
        rows: "app.retention_runs",
        days: 1827,
        since: "the run began",
        reason: "a part of the audit trail",
    },
    Limit {
        kind: "auth_audit",
        rows: "auth.audit_log_entries",
        days: 90,
        since: "it happened",
        reason: "Auth never deletes it, and it holds addresses of people and of their machines; a break-in is noticed within months",
    },
];

/// What has no limit of its own: the table, with its schema, and how long it is kept and why.
pub fn kept() -> Vec<(String, &'static str)> {
    let mut kept: Vec<_> = TABLES
        .iter()
        .filter_map(|table| Some((format!("app.{}", table.name), table.kept?)))
        .collect();
    kept.sort();
    kept
}

/// What somebody else deletes, and when.
pub const ELSEWHERE: [(&str, &str); 4] = [
    (
        "auth.sessions and auth.refresh_tokens",
        "Auth: a session that has ended after 3 days, a token that was used after 1; one that stands is its owner's to end",
    ),
    ("auth.flow_state, auth.mfa_challenges and the like", "Auth: after 1 day"),
    ("bundles in the bucket exports", "cron/deliver: 7 days after they were ready"),
    ("the planner's samples of what is in a column", "cron/retention: made anew each day"),
];

/// The table of the documentation: docs/retention.md holds exactly this.
pub fn markdown() -> String {
    use std::fmt::Write as _;

    let mut text = String::from("| what | how long | since | why |\n|---|---|---|---|\n");
    for Limit { rows, days, since, reason, .. } in &LIMITS {
        let (table, which) = rows.split_once(':').unwrap_or((rows, ""));
        // Nothing can go wrong when a string is written to.
        let _ = writeln!(text, "| `{table}`{which} | {} | {since} | {reason} |", spell(*days));
    }
    text.push_str("\n| what | how long, and why |\n|---|---|\n");
    for (table, reason) in kept() {
        let _ = writeln!(text, "| `{table}` | {reason} |");
    }
    text.push_str("\n| what | who deletes it, and when |\n|---|---|\n");
    for (what, when) in &ELSEWHERE {
        let _ = writeln!(text, "| {what} | {when} |");
    }
    text
}

/// A number of days as people say it.
fn spell(days: u64) -> String {
    match days {
        1 => "1 day".to_owned(),
        365 => "1 year".to_owned(),
        1096 => "3 years".to_owned(),
        1827 => "5 years".to_owned(),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_one_limit_and_a_reason() {
        let kinds: BTreeSet<_> = LIMITS.iter().map(|limit| limit.kind).collect();
        assert_eq!(kinds.len(), LIMITS.len());
        assert!(LIMITS.iter().all(|limit| limit.days > 0 && !limit.reason.is_empty()));
    }

    #[test]
    fn what_others_still_ask_for_outlives_them() {
        let days = |kind| LIMITS.iter().find(|limit| limit.kind == kind).unwrap().days;
        // Stripe's list, which cron/reconcile compares with the log.
        assert!(days("webhook_events_stripe") > 30 + 3);
        // A row of a bundle outlives the bundle.
        assert!(days("exports") > 0);
        // What incidents and claims need the audit trail for.
        assert!(days("audit_events") >= days("consent"));
    }

    #[test]
    fn the_table_of_a_limit_is_told_from_its_rows() {
        let table = |kind| LIMITS.iter().find(|limit| limit.kind == kind).unwrap().table();
        assert_eq!(table("jobs_done"), "app.jobs");
        assert_eq!(table("refusals"), "app.refusals");
    }
}
