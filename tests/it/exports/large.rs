//! A large account.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use leadslock::paths;
use reqwest::Method;

use super::{Owner, fill};
use crate::support::on_a_stack;

/// What the kernel counts of a function's memory, in kB.
fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// To be run by hand, with functions built for release: it prints how long an export takes,
/// beside psql's `\\copy` of the same texts, and how much memory.
#[test]
#[ignore = "takes minutes, and /proc and psql"]
fn a_million_texts() {
    on_a_stack(async |stack| {
        fill(stack, 1_000_000).await;
        stack.database.batch_execute("analyze app.messages").await.unwrap();
        let owner = Owner::of(stack).await;
        owner.send(Method::GET, paths::ACCOUNT_EXPORT, "").await;
        let pid = stack.pid("account_export").await;
        let idle = memory(pid, "VmRSS:");

        let start = Instant::now();
        let export = owner.ask("csv").await;
        let mut seen = BTreeSet::new();
        let ready = loop {
            let shown = owner.show(&export).await;
            seen.insert(shown["rows_done"].as_u64());
            if shown["state"] == "ready" {
                break shown;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let took = start.elapsed();
        let peak = memory(pid, "VmHWM:");
        let bundle = owner.fetch(&ready).await;
        assert_eq!(bundle.rows["messages"], 1_000_002);
        assert!(seen.len() > 10, "progress stands still: {seen:?}");

        let start = Instant::now();
        let copy = "\\copy (select * from app.messages order by id) to '/dev/null' csv";
        let copied = tokio::process::Command::new("psql")
            .args([stack.database_url(), "-c", copy])
            .status()
            .await
            .unwrap();
        assert!(copied.success());
        let copying = start.elapsed();
        eprintln!(
            "an export of 1,000,000 texts took {took:.1?}, {:.1} times psql's {copying:.1?}; \
             its {} MB were made with {} MB of memory more than at rest",
            took.as_secs_f64() / copying.as_secs_f64(),
            bundle.bytes.len() / 1_000_000,
            (peak - idle) / 1000,
        );
        assert!(peak - idle < 64_000, "{idle} kB at rest, {peak} kB at most");
    });
}
