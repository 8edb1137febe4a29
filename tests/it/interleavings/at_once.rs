//! The same from many connections at once.
//!
//! Each transaction that lets a text out is kept open for a moment, and then looks
//! whether a stop has been committed meanwhile: none may be, since the gate holds the
//! lead's lock to the end.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Lead, answer, make_fast, message_id, pass_a_lease, result, status, to_send};
use crate::support::{
    history::{self, Meaning, Text},
    on_a_stack,
    random::Random,
};

const SEEDS: std::ops::Range<u32> = 0..40;
/// Leads in one round, each with its own race; the schedulers serve all of them.
const LEADS: u32 = 6;

#[test]
fn promise_own_stop_stops_and_answers_at_once() {
    on_a_stack(async |stack| {
        history::observe(&stack.database).await;
        let mut connections = Vec::new();
        for _ in 0..LEADS {
            let mut of_lead = Vec::new();
            for _ in 0..4 {
                let database = stack.connect().await;
                make_fast(&database).await;
                of_lead.push(database);
            }
            connections.push(<[Client; 4]>::try_from(of_lead).unwrap());
        }

        let mut texts = HashMap::new();
        for seed in SEEDS {
            let mut random = Random::new(u64::from(seed));
            let races = connections.iter_mut().zip(1..).map(|(connections, index)| {
                let lead = Lead(seed * LEADS + index);
                for (number, meaning) in [
                    (1, Meaning::Text),
                    (2, Meaning::Text),
                    (3, Meaning::Stop),
                    (4, Meaning::Start),
                ] {
                    texts.insert(lead.sid(number), plain(meaning));
                }
                race(seed, lead, connections, Random::new(random.next()))
            });
            futures_util::future::join_all(races.collect::<Vec<_>>()).await;
        }

        let seen = history::check(&stack.database, &texts).await;
        // Races in which one side always wins show nothing.
        for event in ["refused_opted_out", "claimed assistant", "owed reply"] {
            assert!(seen.count(event) > 20, "{:?}", seen.events);
        }
    });
}

fn plain(meaning: Meaning) -> Text {
    Text { meaning, is_answered_by_twilio: true }
}

/// A lead stops and starts again while its two texts are answered, Twilio calls back,
/// and the scheduler comes with every lease over.
async fn race(seed: u32, lead: Lead, connections: &mut [Client; 4], mut random: Random) {
    let mut randoms = [(); 4].map(|()| Random::new(random.next()));
    let [function, phone, scheduler, twilio] = connections;
    let [for_function, for_phone, for_scheduler, for_twilio] = &mut randoms;
    let mut received = Vec::new();
    for number in [1, 2] {
        let text = lead.text(number, plain(Meaning::Text));
        received.push(call(seed, function, "receive_sms", text, for_function).await);
    }
    let answering = async {
        for received in received {
            pause(for_function).await;
            let queued =
                call(seed, function, "queue_outbound", answer(&received["work"][0]), for_function);
            for send in to_send(&queued.await) {
                settle(seed, function, &send, for_function).await;
            }
        }
    };
    let stopping = async {
        for (number, meaning) in [(3, Meaning::Stop), (4, Meaning::Start)] {
            pause(for_phone).await;
            call(seed, phone, "receive_sms", lead.text(number, plain(meaning)), for_phone).await;
        }
    };
    let claiming = async {
        for _ in 0..2 {
            pause(for_scheduler).await;
            pass_a_lease(scheduler).await;
            let request = json!({ "limit": 1 + for_scheduler.below(4) });
            let claimed = call(seed, scheduler, "claim_jobs", request, for_scheduler).await;
            for job in claimed["work"].as_array().unwrap() {
                let sends = match job["kind"].as_str().unwrap() {
                    "reply" => {
                        let queued =
                            call(seed, scheduler, "queue_outbound", answer(job), for_scheduler);
                        to_send(&queued.await)
                    }
                    _ => vec![job.clone()],
                };
                for send in sends {
                    settle(seed, scheduler, &send, for_scheduler).await;
                }
            }
        }
    };
    let calling_back = async {
        for reached in ["sending", "sent", "delivered"] {
            pause(for_twilio).await;
            let sent =
                "select m.id::text from app.messages m join app.messages i on i.id = m.in_reply_to
                        where i.twilio_sid = $1 and m.twilio_sid is not null";
            if let Some(row) = twilio.query_opt(sent, &[&lead.sid(1)]).await.unwrap() {
                let request = status(row.get(0), reached);
                call(seed, twilio, "apply_status", request, for_twilio).await;
            }
        }
    };
    tokio::join!(answering, stopping, claiming, calling_back);
}

async fn pause(random: &mut Random) {
    tokio::time::sleep(Duration::from_micros(random.below(3000) as u64)).await;
}

async fn settle(seed: u32, database: &mut Client, send: &Value, random: &mut Random) {
    let became = *random.pick(&["accepted", "not_sent", "unknown", "not_found", "rejected"]);
    call(seed, database, "settle_send", result(send, became), random).await;
}

/// Makes a call in a transaction that stays open for a moment if it lets a text out.
async fn call(
    seed: u32,
    database: &mut Client,
    function: &str,
    request: Value,
    random: &mut Random,
) -> Value {
    let transaction = database.transaction().await.unwrap();
    let sql = format!("select public.{function}($1)");
    let called = transaction.query_one(&sql, &[&request]).await;
    let answer: Value = called.unwrap_or_else(|error| panic!("seed {seed}: {error:?}")).get(0);
    for send in to_send(&answer) {
        pause(random).await;
        let stopped = "select count(*) from app.suppressions s
                       join app.leads l using (phone_hmac)
                       join app.messages m on m.lead_id = l.id
                       where m.id = $1::text::uuid";
        let row = transaction.query_one(stopped, &[&message_id(&send)]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "seed {seed}: let out after the stop: {send}");
    }
    transaction.commit().await.unwrap();
    answer
}
