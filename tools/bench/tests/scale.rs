//! How the database's functions find what they need when there is much else.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use bench::scale::{self, Extent};
use stack::progress::Progress;

/// The plans of a function's statements.
fn plans_of<'a>(report: &'a str, function: &str) -> Vec<&'a str> {
    let names = [format!(".{function}("), format!("\"{function}\"")];
    let is_of = |plan: &&str| {
        let heading = plan.lines().next().unwrap();
        names.iter().any(|name| heading.contains(name))
    };
    report.split("\n### ").filter(is_of).collect()
}

/// One person has texted as much as all others together, and of the many jobs none was
/// open when Postgres last looked: both have misled it before.
#[tokio::test]
async fn no_call_reads_a_table_or_a_conversation_from_end_to_end() {
    let extent = Extent { leads: 2000, shops: 3, long_conversation: 5000, turns: 1 };
    let report = scale::run(extent, &Progress::silent()).await.unwrap().to_string();

    for (function, table) in [
        ("receive_sms", "leads"),
        ("reply_work", "messages"),
        ("send_work", "messages"),
        ("is_at_cap", "messages"),
        ("texts_to_join", "messages"),
        ("finish_job", "jobs"),
        ("claim_due", "jobs"),
        ("lock_job", "jobs"),
        ("apply_status", "messages"),
    ] {
        let plans = plans_of(&report, function);
        assert!(!plans.is_empty(), "{function} has no plan:\n{report}");
        for plan in plans {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        }
    }
    // What owners read, row level security included.
    for function in [
        "conversation_page",
        "conversation_lines",
        "read_conversation",
        "lead_page",
        "lead_lines",
        "shop_header",
    ] {
        let plans = plans_of(&report, function);
        assert!(!plans.is_empty(), "{function} has no plan:\n{report}");
        for plan in plans {
            for table in ["conversations", "leads", "messages"] {
                assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
            }
            assert!(!plan.contains("Sort Method: external"), "{plan}");
        }
    }
    for plan in plans_of(&report, "finish_job") {
        assert!(plan.contains("Index Scan using jobs_pkey on jobs"), "{plan}");
    }
    // A lead's texts are read from the newest on, or from some time on.
    for function in ["reply_work", "send_work", "texts_to_join"] {
        for plan in plans_of(&report, function) {
            assert!(plan.contains("Index Scan Backward using messages_lead_id_id_idx"), "{plan}");
        }
    }
    let counts = plans_of(&report, "is_at_cap");
    assert!(!counts.is_empty(), "is_at_cap has no plan:\n{report}");
    for plan in counts {
        assert!(plan.contains("(ROW(lead_id, id) >= "), "{plan}");
    }
}
