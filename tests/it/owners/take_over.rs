//! The owner takes over: no word of the assistant's goes out after that, whatever
//! was on its way; and what the law wants still does.

use leadslock::owner::{conversations::Filter, leads::Flag};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::at_a_desk;
use crate::support::{
    calls::call,
    random::{Random, permutations},
};

#[test]
fn who_has_taken_over_answers_until_handing_back() {
    at_a_desk(async |desk| {
        let (calls, console, owner) = (desk.calls(), &desk.console, &desk.owner);
        let received = calls.receive(1, "text", "hello").await;
        let lead = desk.lead().await;
        let set = async |answers| console.set_assistant(owner, lead, answers).await.unwrap();

        // An answer is owed and being made.
        let taken = set(false).await;
        assert_eq!((taken.answers, taken.withheld), (false, 1));
        assert_eq!(calls.answer(&received["work"][0]).await, json!({ "outcome": "stale" }));
        let page = console.read_conversation(owner, lead, None, 50).await.unwrap();
        assert_eq!(page.lead.flag, Some(Flag::TakenOver));
        assert!(page.lead.taken_over_at.is_some());

        // New texts wait for the owner; help and confirmations do not.
        console.resolve_flag(owner, lead).await.unwrap();
        assert_eq!(calls.receive(2, "text", "anyone?").await["work"], json!([]));
        let list = console.list_conversations(owner, Filter::Flagged, None, 50).await.unwrap();
        assert_eq!(list.conversations[0].flag, Some(Flag::TakenOver));
        assert!(!list.conversations[0].assistant_answers && list.conversations[0].is_unanswered);
        for (number, meaning) in [(3, "help"), (4, "stop"), (5, "start")] {
            let changes = json!({ "meaning": meaning, "is_answered_by_twilio": false });
            let work = calls.receive_with(number, changes).await["work"].clone();
            assert_eq!(work[0]["kind"], "send", "{meaning}");
        }

        // Taken over twice is taken over; handed back, the assistant answers again.
        assert_eq!(set(false).await.withheld, 0);
        assert!(set(true).await.answers);
        let received = calls.receive(6, "text", "hello again").await;
        assert_eq!(calls.answer(&received["work"][0]).await["outcome"], "queued");

        // Neither hands an answer that waits for its turn to Twilio.
        desk.stack
            .database
            .batch_execute("update app.sender_numbers set texts_per_minute = 1")
            .await
            .unwrap();
        let received = calls.receive(7, "text", "and again").await;
        let queued = calls.answer(&received["work"][0]).await;
        assert_eq!((&queued["outcome"], queued.get("send")), (&json!("queued"), None));
        assert_eq!(set(false).await.withheld, 1);
        let withheld = "select count(*) from app.messages where status = 'withheld'";
        assert_eq!(desk.stack.value(withheld).await, "1");
        let list = console.list_conversations(owner, Filter::Unanswered, None, 50).await.unwrap();
        assert_eq!(list.conversations.len(), 1);
    });
}

/// A text, its answer, the scheduler and the owner, each in a transaction of its own, in
/// every order.
#[test]
fn no_order_lets_an_answer_out_after_the_owner_has_taken_over() {
    at_a_desk(async |desk| {
        let calls = desk.calls();
        let session = serde_json::to_value(desk.owner.session()).unwrap();
        let mut went_out = 0;
        for (round, order) in permutations(4).into_iter().enumerate() {
            let (number, lead) = phone(round);
            let received = calls.receive_with(number, lead).await;
            let lead_id = newest_lead(&desk.stack.database).await;
            let mut is_taken = false;
            for step in order {
                match step {
                    0 => {
                        let request =
                            json!({ "session": session, "lead_id": lead_id, "answers": false });
                        calls.call("set_assistant", request).await;
                        is_taken = true;
                    }
                    1 => {
                        let queued = calls.answer(&received["work"][0]).await;
                        let is_out = queued.get("send").is_some();
                        assert!(!(is_taken && is_out), "{queued}");
                        went_out += u32::from(is_out);
                    }
                    2 => {
                        calls.wait(3600).await;
                        for job in calls.claim().await {
                            assert!(!(is_taken && job["kind"] == "send"), "{job}");
                            // What was on its way is looked up, and found nowhere.
                            if job["kind"] == "look_up" {
                                calls.settle(&job, json!({ "result": "not_found" })).await;
                            }
                        }
                    }
                    _ => {
                        calls.receive_with(number + 500, phone(round).1).await;
                    }
                }
            }
            calls.wait(3600).await;
            for job in calls.claim().await {
                assert_ne!(job["kind"], "send", "{job}");
            }
        }
        // Half of the orders have the answer first, and some of them lose its lease.
        assert!(went_out >= 6, "{went_out}");
    });
}

/// At once, from two connections, many times over: whichever comes first.
#[test]
fn an_answer_and_a_take_over_at_once_see_each_other() {
    at_a_desk(async |desk| {
        let session = serde_json::to_value(desk.owner.session()).unwrap();
        let (answering, owner) = (desk.stack.connect().await, desk.stack.connect().await);
        let (mut out, mut held) = (0, 0);
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let received =
                desk.calls().receive_with(phone(seed as usize).0, phone(seed as usize).1).await;
            let lead_id = newest_lead(&desk.stack.database).await;
            let job = received["work"][0].clone();
            let (pause, pause_too) = (random.below(2000), random.below(2000));
            let request = json!({ "session": session, "lead_id": lead_id, "answers": false });
            let answer = json!({
                "job_id": job["job_id"], "fencing_token": job["fencing_token"], "body": "an answer",
            });
            let (queued, taken): (Value, Value) = tokio::join!(
                async {
                    tokio::time::sleep(std::time::Duration::from_micros(pause as u64)).await;
                    call(&answering, "queue_outbound", answer).await
                },
                async {
                    tokio::time::sleep(std::time::Duration::from_micros(pause_too as u64)).await;
                    call(&owner, "set_assistant", request).await
                },
            );
            let is_out = queued.get("send").is_some();
            assert_ne!(is_out, taken["withheld"] == 1, "seed {seed}: {queued} {taken}");
            out += u32::from(is_out);
            held += u32::from(!is_out);
        }
        // A race that one side always wins shows nothing.
        assert!(out > 3 && held > 3, "{out} out, {held} held");
    });
}

/// A lead of its own for each round: the number of its first text, and from where.
fn phone(round: usize) -> (u32, Value) {
    let number = u32::try_from(round).unwrap() + 1;
    let hash = format!("{:064x}", round + 1);
    (number, json!({ "from": format!("+1514555{:04}", 2000 + round), "phone_hmac": hash }))
}

async fn newest_lead(database: &Client) -> String {
    let newest = "select id::text from app.leads order by id desc limit 1";
    database.query_one(newest, &[]).await.unwrap().get(0)
}
