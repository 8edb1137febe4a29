//! A stop against texts on their way, many at once.
//!
//! Both sides lock the lead, and make ids that tell real time while they hold the
//! lock. So in whatever order they come, no text may have a later id than the
//! stop: it would have been let through after it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{SHOP, TestStack, run};

/// Leads in one round, each with its own race.
const LEADS: u32 = 12;
const SEEDS: std::ops::Range<u64> = 0..12;

async fn call(database: &Client, function: &str, request: Value) -> Value {
    let sql = format!("select public.{function}($1)");
    database.query_one(&sql, &[&request]).await.unwrap().get(0)
}

fn text(lead: u32, number: u64, meaning: &str) -> Value {
    json!({
        "message_sid": format!("SM{lead:08x}{number:024x}"), "from": format!("+1514556{lead:04}"),
        "phone_hmac": format!("{lead:064x}"), "to": SHOP, "body": meaning, "media_count": 0,
        "masked_count": 0, "meaning": meaning, "rule": "sent a keyword", "is_in_words": false, "is_answered_by_twilio": true,
        "language": "en",
    })
}

/// A small generator, so that a seed gives the same waits again.
fn waits(seed: u64) -> impl FnMut() -> Duration {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_micros(state % 3000)
    }
}

#[test]
fn promise_own_stop_no_text_is_let_through_after_the_stop() {
    run(async {
        let stack = TestStack::start().await;
        let (mut refused, mut passed) = (0, 0);
        for seed in SEEDS {
            let mut wait = waits(seed);
            let mut races = Vec::new();
            for index in 0..LEADS {
                let lead = u32::try_from(seed).unwrap() * LEADS + index;
                let (answerer, stopper, scheduler) =
                    (stack.connect().await, stack.connect().await, stack.connect().await);
                let pauses = [wait(), wait(), wait()];
                races.push(async move {
                    let first = call(&answerer, "receive_sms", text(lead, 1, "text")).await;
                    let second = call(&answerer, "receive_sms", text(lead, 2, "text")).await;
                    let answer = async {
                        for received in [&first, &second] {
                            tokio::time::sleep(pauses[0]).await;
                            let job = &received["work"][0];
                            let request = json!({
                                "job_id": job["job_id"], "fencing_token": job["fencing_token"],
                                "body": "an answer",
                            });
                            let queued = call(&answerer, "queue_outbound", request).await;
                            if queued["outcome"] == "queued" {
                                let request = json!({
                                    "job_id": queued["send"]["job_id"], "fencing_token": 1,
                                    "result": "not_sent",
                                });
                                call(&answerer, "settle_send", request).await;
                            }
                        }
                    };
                    let stop = async {
                        tokio::time::sleep(pauses[1]).await;
                        call(&stopper, "receive_sms", text(lead, 3, "stop")).await;
                    };
                    let claim = async {
                        tokio::time::sleep(pauses[2]).await;
                        call(&scheduler, "claim_jobs", json!({ "limit": 5 })).await;
                    };
                    tokio::join!(answer, stop, claim);
                });
            }
            futures_util::future::join_all(races).await;

            let late = "select count(*) from app.messages m
                        join app.consent_events c on c.lead_id = m.lead_id and c.change = 'withdrawn'
                        where m.direction = 'outbound' and m.id > c.id";
            assert_eq!(stack.value(late).await, "0", "seed {seed}");
            // Everything that was put back in line is due, and every claim is after the stop.
            local::clock::advance(&stack.database, Duration::from_secs(3600)).await.unwrap();
            let claimed = call(&stack.database, "claim_jobs", json!({ "limit": 1000 })).await;
            let claimed = claimed["work"].as_array().unwrap();
            assert!(claimed.iter().all(|work| work["kind"] != "send"), "seed {seed}: {claimed:?}");
            let number = async |sql| stack.value(sql).await.parse::<u32>().unwrap();
            refused =
                number("select count(*) from app.jobs where outcome = 'refused_opted_out'").await;
            passed = number("select count(*) from app.messages where direction = 'outbound'").await;
        }
        // Races in which one side always wins show nothing.
        assert!(refused > 0 && passed > 0, "{refused} refused, {passed} passed");
        stack.stop().await;
    });
}
