//! Whether a text may go out: why it is lawful, when it may arrive, how fast.

use serde_json::{Value, json};

use crate::support::{LEAD, calls::Calls, on_a_stack};

/// Noon of a winter's Wednesday in Montréal, which the tests' clock is set to.
const NOON: &str = "2027-01-13 12:00 America/Toronto";

impl Calls<'_> {
    /// Sets the clock to a moment, from where it goes on.
    pub(crate) async fn go_to(&self, moment: &str) {
        let set = format!(
            "update local.clock_offset
             set seconds = ceil(extract(epoch from '{moment}'::timestamptz - now()))"
        );
        self.0.database.batch_execute(&set).await.unwrap();
    }

    /// What the gate says to a text of the owner's own accord.
    async fn gate(&self) -> String {
        let gate = "select coalesce(g.legal_basis, g.refusal)
                    from app.leads l, app.gate(l.id, 'owner', null) g";
        self.0.value(gate).await
    }

    /// Records consent as the console will.
    async fn record(&self, basis: &str, until: &str) {
        let record = format!(
            "select app.record_consent(l, null, 'granted', '{basis}', 'owner', null, 'bought a bike', {until})
             from app.leads l"
        );
        self.0.database.batch_execute(&record).await.unwrap();
    }
}

/// Every basis, from the strongest to none, as time passes.
#[test]
fn a_text_rides_on_the_consent_there_is_and_no_longer() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.go_to(NOON).await;
        calls.receive(1, "text", "hello").await;
        assert_eq!(calls.gate().await, "response");

        calls.wait(24 * 3600).await;
        assert_eq!(calls.gate().await, "implied_inquiry");
        calls.go_to("2027-07-13 12:59 America/Toronto").await;
        assert_eq!(calls.gate().await, "implied_inquiry");
        calls.go_to("2027-07-13 13:01 America/Toronto").await;
        assert_eq!(calls.gate().await, "basis_expired");

        calls.record("implied_purchase", "app.clock() + interval '2 years'").await;
        assert_eq!(calls.gate().await, "implied_purchase");
        calls.go_to("2029-07-13 13:02 America/Toronto").await;
        assert_eq!(calls.gate().await, "basis_expired");

        // A new inquiry counts from when it came.
        calls.receive(2, "text", "hello again").await;
        calls.go_to("2030-01-13 11:59 America/Toronto").await;
        assert_eq!(calls.gate().await, "implied_inquiry");

        calls.receive(3, "start", "START").await;
        calls.go_to("2040-01-13 12:00 America/Toronto").await;
        assert_eq!(calls.gate().await, "express");

        calls.receive(4, "stop", "STOP").await;
        assert_eq!(calls.gate().await, "opted_out");
        calls.go_to("2045-01-13 12:00 America/Toronto").await;
        assert_eq!(calls.gate().await, "opted_out");
    });
}

#[test]
fn who_never_agreed_to_anything_is_not_texted() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.go_to(NOON).await;
        stack.lead("+15145550177").add().await;
        assert_eq!(calls.gate().await, "no_basis");
    });
}

#[test]
fn promise_own_stop_holds_for_a_contact_that_is_imported_again() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.go_to(NOON).await;
        calls.receive(1, "stop", "STOP").await;
        let erase = "delete from app.jobs; delete from app.messages; delete from app.leads";
        stack.database.batch_execute(erase).await.unwrap();
        stack.lead(LEAD).hashed("ab".repeat(32)).add().await;
        assert_eq!(calls.gate().await, "opted_out");
        calls.record("express", "null").await;
        assert_eq!(calls.gate().await, "opted_out");
    });
}

#[test]
fn what_answers_nothing_waits_for_the_morning() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.go_to(NOON).await;
        calls.receive(1, "start", "START").await;
        for (moment, want) in [
            ("2027-01-14 19:59 America/Toronto", "express"),
            ("2027-01-14 20:00 America/Toronto", "quiet_hours"),
            ("2027-01-15 02:30 America/Toronto", "quiet_hours"),
            ("2027-01-15 08:59 America/Toronto", "quiet_hours"),
            ("2027-01-15 09:00 America/Toronto", "express"),
            // Daylight saving begins on this day.
            ("2027-03-14 08:59 America/Toronto", "quiet_hours"),
            ("2027-03-14 09:00 America/Toronto", "express"),
        ] {
            calls.go_to(moment).await;
            assert_eq!(calls.gate().await, want, "{moment}");
        }
        // Who has just written is awake.
        calls.go_to("2027-03-15 02:30 America/Toronto").await;
        calls.receive(2, "text", "are you there?").await;
        assert_eq!(calls.gate().await, "response");
    });
}

/// Quiet hours are the recipient's, not the shop's.
#[test]
fn quiet_hours_are_where_the_number_is_at_home() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for (phone, moment, until) in [
            ("+15145550123", "2027-01-13 12:00 America/Toronto", "null"),
            ("+12065550123", "2027-01-13 11:00 America/Toronto", "2027-01-13 12:00"),
            ("+12065550123", "2027-01-13 22:59 America/Toronto", "null"),
            // Half an hour on the island; Labrador, which is later, is looked at then.
            ("+17095550123", "2027-01-13 18:31 America/Toronto", "2027-01-14 07:30"),
            // On the border between two time zones: the later morning counts.
            ("+18075550123", "2027-01-13 09:30 America/Toronto", "2027-01-13 10:00"),
            // No area code of anywhere, or another country: as the shop.
            ("+18005550123", "2027-01-13 08:30 America/Toronto", "2027-01-13 09:00"),
            ("+442071838750", "2027-01-13 08:30 America/Toronto", "2027-01-13 09:00"),
        ] {
            calls.go_to(moment).await;
            let quiet = format!(
                "select to_char(
                   app.quiet_until('{phone}', 'America/Toronto') at time zone 'America/Toronto',
                   'YYYY-MM-DD HH24:MI')"
            );
            assert_eq!(stack.value(&quiet).await, until, "{phone} {moment}");
        }
    });
}

/// A text that was queued in the evening and failed is not sent in the night.
#[test]
fn a_retry_that_falls_into_the_night_is_put_off_and_no_attempt_is_lost() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        calls.go_to(NOON).await;
        let send = calls.queued(1).await;
        calls.settle(&send, json!({ "result": "not_sent" })).await;
        let job = "select concat_ws(' ', state, attempts, to_char(run_at at time zone 'America/Toronto', 'DD HH24:MI'))
                   from app.jobs where kind = 'send'";

        calls.go_to("2027-01-14 23:00 America/Toronto").await;
        assert_eq!(calls.claim().await, Vec::<Value>::new());
        assert_eq!(stack.value(job).await, "open 1 15 09:00");

        calls.go_to("2027-01-15 09:00 America/Toronto").await;
        assert_eq!(calls.claim().await[0]["kind"], "send");
    });
}

/// Many leads at once: the number keeps its pace, in order, and all get theirs.
#[test]
fn a_burst_is_spread_over_time_and_nobody_is_overtaken() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        let pace = "update app.sender_numbers set texts_per_minute = 5";
        stack.database.batch_execute(pace).await.unwrap();
        // Away from now, so that the night does not fall into the test.
        calls.go_to(NOON).await;

        let mut sent = Vec::new();
        for number in 1..=12 {
            let from = format!("+1514555{number:04}");
            let hmac = format!("{number:02x}").repeat(32);
            let received = calls.receive_with(number, json!({ "from": from, "phone_hmac": hmac }));
            let queued = calls.answer(&received.await["work"][0]).await;
            assert_eq!(queued["outcome"], "queued");
            sent.extend(queued["send"]["to"].as_str().map(str::to_owned));
        }
        assert_eq!(sent.len(), 5, "the pace was not kept");
        let accept = "update app.messages set status = 'sent' where attempted_at is not null";

        for minute in 1..=3 {
            stack.database.batch_execute(accept).await.unwrap();
            stack.database.batch_execute("delete from app.jobs where attempts > 0").await.unwrap();
            assert_eq!(calls.claim().await, Vec::<Value>::new(), "before minute {minute}");
            calls.wait(60).await;
            let claimed = calls.claim().await;
            assert!(claimed.len() <= 5, "the pace was not kept in minute {minute}");
            sent.extend(claimed.iter().map(|send| send["to"].as_str().unwrap().to_owned()));
        }
        let everybody: Vec<_> = (1..=12).map(|number| format!("+1514555{number:04}")).collect();
        assert_eq!(sent, everybody);
    });
}
