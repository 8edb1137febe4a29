//! The rules Postgres guards itself, called as the functions call them.

use leadslock::providers::supabase::Refusal;
use operator::Task;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{
    SHOP,
    calls::{Calls, outbound_sid, sid},
    on_a_stack,
    random::permutations,
};

#[test]
fn a_holder_that_lost_its_lease_changes_nothing() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let first = calls.receive(1, "text", "hello").await["work"][0].clone();
        assert!(calls.claim().await.is_empty(), "a leased job was claimed");
        calls.wait(61).await;
        let [second] = calls.claim().await.try_into().unwrap();

        assert_eq!(calls.answer(&first).await["outcome"], "stale");
        let queued = calls.answer(&second).await;
        assert_eq!(queued["outcome"], "queued");
        assert_eq!(calls.answer(&second).await["outcome"], "stale");

        let send = &queued["send"];
        calls.wait(61).await;
        let [settle] = calls.claim().await.try_into().unwrap();
        assert_eq!(settle["kind"], "look_up");
        for result in ["not_sent", "unknown", "not_found"] {
            assert_eq!(calls.settle(send, json!({ "result": result })).await, "stale", "{result}");
        }
        // That Twilio has it is a fact, whoever brings it.
        let accepted =
            json!({ "result": "accepted", "twilio_sid": outbound_sid(9), "status": "queued" });
        assert_eq!(calls.settle(send, accepted).await, "settled");
    });
}

#[test]
fn an_unknown_send_is_looked_up_before_it_is_sent_again() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let send = calls.queued(1).await;
        assert_eq!(calls.settle(&send, json!({ "result": "unknown" })).await, "settled");
        assert!(calls.claim().await.is_empty(), "looked up while it may be on its way");

        calls.wait(61).await;
        let [settle] = calls.claim().await.try_into().unwrap();
        assert_eq!(settle["kind"], "look_up");
        calls.settle(&settle, json!({ "result": "not_found" })).await;
        let [again] = calls.claim().await.try_into().unwrap();
        assert_eq!(again["kind"], "send");

        // A look-up that comes before a lease is over frees nothing.
        calls.settle(&again, json!({ "result": "not_found" })).await;
        assert!(calls.claim().await.is_empty());
        calls.wait(61).await;
        assert_eq!(calls.claim().await[0]["kind"], "look_up");
    });
}

#[test]
fn promise_own_stop_a_stop_between_queue_and_claim_withholds_the_text() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let send = calls.queued(1).await;
        calls.settle(&send, json!({ "result": "not_sent" })).await;
        let owed = calls.receive(2, "text", "and another").await["work"][0].clone();

        calls.receive(3, "stop", "stop").await;

        calls.wait(3600).await;
        let claimed = calls.claim().await;
        assert!(claimed.iter().all(|work| work["kind"] == "reply"), "{claimed:?}");
        let withheld = "select status from app.messages where direction = 'outbound'";
        assert_eq!(stack.value(withheld).await, "withheld");
        let owed = claimed.into_iter().find(|work| work["message_id"] == owed["message_id"]);
        let answered = calls.answer(&owed.unwrap()).await;
        assert_eq!(answered, json!({ "outcome": "refused", "reason": "opted_out" }));
    });
}

#[test]
fn promise_own_stop_holds_for_all_numbers_of_a_shop() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let other = "+15145550101";
        let add = format!(
            "insert into app.sender_numbers (phone, business_id)
             select '{other}', id from app.businesses"
        );
        stack.database.batch_execute(&add).await.unwrap();

        calls.receive_at(other, 1, "stop", "stop").await;
        assert_eq!(calls.receive(2, "text", "hello").await["work"], json!([]));
        calls.receive(3, "yes", "yes").await;
        assert_eq!(calls.receive(4, "yes", "yes").await["work"][0]["kind"], "reply");
        assert_eq!(calls.receive_at(other, 5, "text", "hi").await["work"][0]["kind"], "reply");
    });
}

/// All orders of the callbacks of one text, each callback doubled, with the
/// answer to our request at every place among them.
#[test]
fn any_order_of_statuses_ends_in_one_state() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let reports = [
            ("sending", None),
            ("sent", None),
            ("undelivered", Some(30003)),
            ("undelivered", Some(30008)),
        ];
        for (number, order) in permutations(reports.len() + 1).into_iter().enumerate() {
            let number = u32::try_from(number).unwrap() + 1;
            calls.wait(3600).await;
            let send = calls.queued(number).await;
            for index in &order {
                match reports.get(*index) {
                    Some((status, code)) => {
                        let report = || calls.status(&send["message_id"], number, status, *code);
                        assert_eq!(report().await, "applied");
                        assert_eq!(report().await, "duplicate");
                    }
                    None => {
                        let accepted = json!({
                            "result": "accepted", "twilio_sid": outbound_sid(number), "status": "accepted",
                        });
                        assert_eq!(calls.settle(&send, accepted).await, "settled");
                    }
                }
            }
            let end = "select concat_ws(' ', m.status, m.error_code, m.twilio_sid, j.state)
                       from app.messages m join app.jobs j on j.message_id = m.id
                       where j.kind = 'send' order by m.id desc limit 1";
            let want = format!("undelivered 30008 {} done", outbound_sid(number));
            assert_eq!(stack.value(end).await, want, "{order:?}");
        }
    });
}

#[test]
fn a_text_known_under_two_sids_is_on_record() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let send = calls.queued(1).await;
        assert_eq!(calls.status(&send["message_id"], 1, "sent", None).await, "applied");
        assert_eq!(calls.status(&send["message_id"], 2, "sent", None).await, "conflict");
        let audit = "select count(*) from app.audit_events where action = 'message_sent_twice'";
        assert_eq!(stack.value(audit).await, "1");
    });
}

/// A look-up cannot tell texts apart that read the same, and may come back with one that
/// is another's already.
#[test]
fn a_text_that_reads_like_another_is_not_taken_for_it() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let accepted = |sid| json!({ "result": "accepted", "twilio_sid": outbound_sid(sid), "status": "sent" });
        let first = calls.queued(1).await;
        assert_eq!(calls.settle(&first, accepted(1)).await, "settled");
        let second = calls.queued(2).await;
        calls.settle(&second, json!({ "result": "unknown" })).await;

        calls.wait(61).await;
        // Twice: the one it is taken for may in turn have been taken for another.
        for result in [accepted(1), json!({ "result": "not_found" })] {
            let [settle] = calls.claim().await.try_into().unwrap();
            assert_eq!(settle["kind"], "look_up");
            assert_eq!(calls.settle(&settle, result).await, "settled");
        }
        let [again] = calls.claim().await.try_into().unwrap();
        assert_eq!((&again["kind"], &again["message_id"]), (&json!("send"), &second["message_id"]));
        assert_eq!(calls.settle(&again, accepted(2)).await, "settled");

        // What Twilio says of a text is said of the one that is known to be it.
        assert_eq!(calls.status(&second["message_id"], 1, "delivered", None).await, "applied");
        let statuses = "select string_agg(status, ' ' order by id) from app.messages
                        where direction = 'outbound'";
        assert_eq!(stack.value(statuses).await, "delivered sent");
    });
}

#[test]
fn a_job_that_never_ends_is_given_up_and_shown_to_the_owner() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.receive(1, "text", "hello").await;
        for _ in 0..11 {
            calls.wait(3600).await;
            assert_eq!(calls.claim().await.len(), 1);
        }
        calls.wait(3600).await;
        assert!(calls.claim().await.is_empty());
        assert_eq!(
            stack.value("select state || ' ' || outcome from app.jobs").await,
            "dead too_many_attempts"
        );
        assert_eq!(stack.value("select needs_owner_reason from app.leads").await, "send_failed");

        // An operator sees it, and has it tried again.
        let dead = stack.operator(Task::DeadLetters).await;
        assert_eq!(dead["jobs"][0]["outcome"], "too_many_attempts");
        assert_eq!(stack.operator(Task::Status).await["jobs_dead"], 1);
        let job = dead["jobs"][0]["job_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(stack.operator(Task::Revive { job }).await["outcome"], "revived");
        assert_eq!(stack.operator(Task::Revive { job }).await["outcome"], "not_dead");
        assert_eq!(calls.claim().await.len(), 1);
        assert_eq!(stack.operator(Task::DeadLetters).await["jobs"], json!([]));
    });
}

#[test]
fn evidence_is_never_changed() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.receive(1, "stop", "stop").await;
        for change in [
            "update app.consent_events set wording = 'x'",
            "delete from app.consent_events",
            "truncate app.consent_events",
            "update app.audit_events set actor = 'owner'",
            "delete from app.audit_events",
        ] {
            assert!(stack.database.batch_execute(change).await.is_err(), "{change}");
        }
    });
}

/// Many connections claim at once: every job once.
#[test]
fn claims_at_once_share_the_work() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for number in 1..=60 {
            calls.receive(number, "text", "hello").await;
        }
        calls.wait(61).await;

        let claims = (0..16).map(async |_| {
            let database = stack.connect().await;
            let sql = "select public.claim_jobs('{\"limit\": 5}')";
            let claimed: Value = database.query_one(sql, &[]).await.unwrap().get(0);
            claimed["work"].as_array().unwrap().clone()
        });
        let claimed = futures_util::future::join_all(claims).await.concat();

        let mut jobs: Vec<_> = claimed.iter().map(|work| work["job_id"].to_string()).collect();
        let all = jobs.len();
        jobs.sort();
        jobs.dedup();
        assert_eq!(jobs.len(), all, "a job was claimed twice");
        assert_eq!(all, 60);
    });
}

/// In the ten minutes after the first part, in either order, in up to four texts.
#[test]
fn promise_cards_never_a_number_split_over_texts_is_not_stored() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let part = |body: &'static str, joined: Option<Value>| {
            let mut request = json!({ "body": body, "may_join": true });
            if let Some(joined) = joined {
                request["joined"] = joined;
            }
            request
        };
        let first = calls.receive_with(1, part("4242 4242", None)).await;
        assert_eq!(first["outcome"], "received");

        // Nothing is written until the caller has looked at both.
        let asked = calls.receive_with(2, part("4242 4242", None)).await;
        assert_eq!(asked["outcome"], "joins");
        assert_eq!(asked["previous"][0]["body"], "4242 4242");
        assert_eq!(stack.value("select count(*) from app.messages").await, "1");

        let masked = json!([{
            "message_id": asked["previous"][0]["message_id"], "masked_body": "•••• ••••",
        }]);
        let mut second = part("•••• 4242", Some(masked));
        second["masked_count"] = json!(1);
        let kinds = |received: &Value| -> Vec<String> {
            let work = received["work"].as_array().unwrap();
            work.iter().map(|work| work["kind"].as_str().unwrap().to_owned()).collect()
        };
        let received = calls.receive_with(2, second.clone()).await;
        assert_eq!(kinds(&received), ["redact", "redact", "reply"]);
        assert_eq!(calls.receive_with(2, second).await["outcome"], "duplicate");
        assert_eq!(calls.receive_with(2, part("4242 4242", None)).await["outcome"], "duplicate");
        let bodies =
            "select string_agg(body || ' ' || masked_count, ', ' order by id) from app.messages";
        assert_eq!(stack.value(bodies).await, "•••• •••• 1, •••• 4242 1");

        calls.wait(601).await;
        assert_eq!(calls.receive_with(3, part("4242", None)).await["outcome"], "received");
    });
}

/// Both parts of a number arrive at the same instant: one of them sees the other.
#[test]
fn promise_cards_never_parts_that_come_at_once_are_still_seen_together() {
    on_a_stack(async |stack| {
        let (one, other) = (stack.connect().await, stack.connect().await);
        let receive = async |database: &Client, lead: u32, number: u32| -> Value {
            let request = json!({
                "message_sid": sid(lead * 10 + number), "from": format!("+1514556{lead:04}"),
                "phone_hmac": format!("{lead:064x}"), "to": SHOP, "body": "4242 4242",
                "media_count": 0, "masked_count": 0, "meaning": "text", "language": "en",
                "is_in_words": false, "is_answered_by_twilio": false, "may_join": true,
            });
            let sql = "select public.receive_sms($1)";
            database.query_one(sql, &[&request]).await.unwrap().get(0)
        };
        for lead in 0..40 {
            let both = futures_util::join!(receive(&one, lead, 1), receive(&other, lead, 2));
            let mut outcomes = [both.0["outcome"].clone(), both.1["outcome"].clone()];
            outcomes.sort_by_key(Value::to_string);
            assert_eq!(outcomes, ["joins", "received"], "lead {lead}");
        }
    });
}

/// What another lead wrote is not masked, whatever a caller says.
#[test]
fn only_the_leads_own_texts_are_masked() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.receive(1, "text", "4242 4242").await;
        let id = stack.value("select id from app.messages").await;
        let stranger = json!({
            "from": "+15145550199", "phone_hmac": "cd".repeat(32), "may_join": true,
            "joined": [{ "message_id": id, "masked_body": "gone" }],
        });
        calls.receive_with(2, stranger).await;
        assert_eq!(stack.value("select count(*) from app.messages where body = 'gone'").await, "0");
    });
}

/// All callbacks of a text, and the answer to our request, at the same instant.
#[test]
fn callbacks_that_come_at_once_do_not_wait_for_each_other_crosswise() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let mut connections = Vec::new();
        for _ in 0..6 {
            connections.push(stack.connect().await);
        }
        let statuses = ["sent", "sending", "delivered", "queued", "sent"];
        for number in 1..=30 {
            calls.wait(3600).await;
            let send = calls.queued(number).await;
            let report = statuses.iter().map(|status| {
                ("apply_status", json!({
                    "message_id": send["message_id"], "twilio_sid": outbound_sid(number), "status": status,
                }))
            });
            let accepted = json!({
                "job_id": send["job_id"], "fencing_token": send["fencing_token"],
                "result": "accepted", "twilio_sid": outbound_sid(number), "status": "accepted",
            });
            let requests: Vec<_> = report.chain([("settle_send", accepted)]).collect();
            let at_once =
                requests.iter().zip(&connections).map(async |((function, request), to)| {
                    let sql = format!("select public.{function}($1)");
                    to.query_one(&sql, &[request]).await.map(|_| ())
                });
            for outcome in futures_util::future::join_all(at_once).await {
                assert!(outcome.is_ok(), "text {number}: {outcome:?}");
            }
        }
        let ended = "select string_agg(distinct status, ' ') from app.messages where direction = 'outbound'";
        assert_eq!(stack.value(ended).await, "delivered");
    });
}

#[test]
fn every_callback_is_kept_those_too_that_change_nothing() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let send = calls.queued(1).await;
        for (status, want) in [
            ("delivered", "applied"),
            ("sent", "applied"),
            ("sent", "duplicate"),
            ("partially_delivered", "ignored"),
        ] {
            assert_eq!(calls.status(&send["message_id"], 1, status, None).await, want, "{status}");
        }
        let kept = "select string_agg(status, ' ' order by id) from app.status_events";
        assert_eq!(stack.value(kept).await, "delivered sent sent partially_delivered");
        let status = "select status from app.messages where direction = 'outbound'";
        assert_eq!(stack.value(status).await, "delivered");
    });
}

/// What functions refuse for has one list in SQL and one in lib; they are the same.
#[test]
fn refusals_are_typed_once_on_each_side() {
    on_a_stack(async |stack| {
        for refusal in Refusal::ALL {
            let code = format!("select app.refusal_code('{}')", refusal.name());
            assert_eq!(stack.value(&code).await, refusal.code(), "{refusal:?}");
            let refuse = format!("select app.refuse('{}', 'for a test')", refusal.name());
            let refused = stack.database.batch_execute(&refuse).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), refusal.code());
        }
        // The function knows as many; nobody refuses in another way, or for another reason.
        let known = "select count(*) from regexp_matches(
                       pg_get_functiondef('app.refusal_code(text)'::regprocedure), 'PT\\d{3}', 'g')";
        assert_eq!(stack.value(known).await, Refusal::ALL.len().to_string());
        let others = "select coalesce(string_agg(p.proname, ' '), '')
                      from pg_proc p
                      where p.pronamespace in ('app'::regnamespace, 'public'::regnamespace)
                        and p.proname <> 'refusal_code'
                        and (
                          p.prosrc ~ 'PT\\d{3}'
                          or exists (
                            select
                            from regexp_matches(p.prosrc, 'app\\.refuse\\(''(\\w+)''', 'g') m
                            where app.refusal_code(m[1]) is null
                          )
                        )";
        assert_eq!(stack.value(others).await, "");
    });
}
