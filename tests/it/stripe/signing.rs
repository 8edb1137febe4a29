//! What Stripe did not sign.

use leadslock::{edge::headers, paths};
use serde_json::json;
use trust::signatures;

use super::{Billed, SECRET, billed, now, payload, secrets, signed};
use crate::support::run;

#[test]
fn promise_webhook_stripe_what_stripe_did_not_sign_is_refused_and_changes_nothing() {
    billed(async |billed| {
        billed.set(json!({ "status": "active" }));
        let body = payload("2026-07-29.dahlia/customer.subscription.updated.json");
        let at = |time: u64| signatures::stripe::sign(&secrets(&[SECRET]), &body, time);
        let good = at(now());
        let (time, digest) = good.split_once(",v1=").unwrap();
        let live = String::from_utf8(body.clone()).unwrap();
        let live = live.replace(r#""livemode": false"#, r#""livemode": true"#).into_bytes();
        let mut changed = body.clone();
        changed[100] ^= 1;
        let with_bom = [b"\xef\xbb\xbf", body.as_slice()].concat();

        let mut answers = Vec::new();
        for (told, header, body) in [
            ("no header", None, &body),
            ("an empty header", Some(String::new()), &body),
            ("no signature", Some(time.to_owned()), &body),
            ("no time", Some(format!("v1={digest}")), &body),
            ("another scheme", Some(format!("{time},v0={digest}")), &body),
            ("two times", Some(format!("{time},{good}")), &body),
            ("a digest too short", Some(format!("{time},v1={}", &digest[1..])), &body),
            ("another digest", Some(format!("{time},v1={}", "0".repeat(64))), &body),
            ("another secret", Some(signed(&["whsec_other"], &body)), &body),
            ("another body", Some(good.clone()), &changed),
            ("another encoding", Some(good.clone()), &with_bom),
            ("another time", Some(format!("t={},v1={digest}", now() - 1)), &body),
            ("a time long ago", Some(at(now() - 310)), &body),
            ("a time to come", Some(at(now() + 310)), &body),
            ("the end of time", Some(at(u64::MAX)), &body),
            ("another mode", Some(signed(&[SECRET], &live)), &live),
        ] {
            let response = billed.post(header.as_deref(), body).await;
            assert_eq!(response.status(), 400, "{told}");
            for (name, value) in headers::POLICY {
                assert_eq!(
                    response.headers().get_all(&name).iter().collect::<Vec<_>>(),
                    [value],
                    "{told}"
                );
            }
            answers.push(response.text().await.unwrap());
        }
        let twice =
            billed.stack.client.post(billed.stack.url(paths::STRIPE_EVENT)).body(body.clone());
        let twice = twice
            .header(signatures::stripe::HEADER.as_str(), &good)
            .header(signatures::stripe::HEADER.as_str(), &good);
        let response = twice.send().await.unwrap();
        assert_eq!(response.status(), 400);
        answers.push(response.text().await.unwrap());

        // Nothing tells which of the checks failed.
        let only = r#"{"error":"the request is not signed by its sender"}"#;
        assert!(answers.iter().all(|answer| answer == only), "{answers:#?}");
        billed.assert_nothing_written().await;
        let log = billed.stack.log().join("\n");
        for canary in [SECRET, "owner@example.com", digest] {
            assert!(!log.contains(canary), "{canary} is in the log: {log}");
        }
        // The one they are all made from is good.
        assert_eq!(billed.post(Some(&good), &body).await.status(), 200);
    });
}

#[test]
fn what_is_signed_but_no_event_is_refused() {
    billed(async |billed| {
        for body in [&b"{}"[..], b"", b"[]", b"\xff", b"\xef\xbb\xbf{}", br#"{"object":"event"}"#] {
            assert_eq!(billed.deliver(body).await, 400, "{body:?}");
        }
        billed.assert_nothing_written().await;
    });
}

#[test]
fn large_events_are_taken_in_up_to_the_limit() {
    billed(async |billed| {
        let large = |id: &str, size: usize| {
            let mut event = json!({
                "id": id, "object": "event", "type": "customer.updated", "livemode": false,
                "data": { "object": { "object": "customer", "description": "" } },
            });
            let missing = size - event.to_string().len();
            event["data"]["object"]["description"] = json!("x".repeat(missing));
            event.to_string().into_bytes()
        };
        assert_eq!(billed.deliver(&large("evt_1", 200_000)).await, 200);
        assert_eq!(billed.deliver(&large("evt_2", 1_000_000)).await, 200);
        assert_eq!(billed.deliver(&large("evt_3", 1024 * 1024)).await, 200);
        assert_eq!(billed.deliver(&large("evt_4", 1024 * 1024 + 1)).await, 413);
        assert_eq!(billed.logged().await, "3");
    });
}

#[test]
fn a_rolled_secret_loses_no_event() {
    run(async {
        let billed = Billed::with_secrets("whsec_new, whsec_old").await;
        // Before, while Stripe signs with both, and after; and from two endpoints.
        let with: [&[&str]; 5] = [
            &["whsec_old"],
            &["whsec_old", "whsec_new"],
            &["whsec_new", "whsec_old"],
            &["whsec_new"],
            &["whsec_unknown", "whsec_new"],
        ];
        for (number, with) in with.iter().enumerate() {
            let body = format!(
                r#"{{"id":"evt_{number}","object":"event","type":"a.b","livemode":false,"data":{{}}}}"#
            );
            let body = body.as_bytes();
            assert_eq!(
                billed.post(Some(&signed(with, body)), body).await.status(),
                200,
                "{with:?}"
            );
        }
        assert_eq!(billed.logged().await, "5");
        billed.stack.stop().await;
    });
}
