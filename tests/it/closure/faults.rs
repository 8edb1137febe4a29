//! Killed and failed anywhere on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;
use simulators::{
    stripe::behaviour as at_stripe,
    twilio::behaviour::{Answer, Behaviour, On},
};

use super::{
    CONFIRMATION, IDENTIFIERS, Owner, STEPS, Standing, TOLD, drive, drive_to_the_end, drive_until,
    endings, find, left_at_providers, live, receipts, shown, subscribe, wait_as_it_does,
};
use crate::support::{PATIENCE, TestStack, interceptor::Manner, on_a_stack, random::Random, run};

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// At a call of Supabase's with this last part of its path. Held, the function that
    /// made it is killed.
    Supabase(&'static str, Manner),
    Twilio(On, Answer),
    Stripe(at_stripe::Answer),
}

/// The calls of a closure. Objects: deletions by their bucket, uploads by their last name.
const CALLS: [&str; 17] = [
    "claim_jobs closures",
    "next_closure_step",
    "next_closure_step",
    "end_closure_billing",
    "snapshot_backup",
    "backup_chunk",
    "end_backup",
    "seal_closure",
    "certify_closure",
    "fail_job",
    "claim_twilio_redactions",
    "settle_twilio_redactions",
    "media",
    "exports",
    "backups",
    "1",
    "2",
];

impl Fault {
    fn any(random: &mut Random) -> Self {
        let manner =
            *random.pick(&[Manner::HoldRequest, Manner::HoldResponse, Manner::Unavailable]);
        match random.below(4) {
            0 => Self::Twilio(
                *random.pick(&[On::Every, On::MediaDeletion]),
                *random.pick(&[
                    Answer::Refuse { status: 500, code: 20500 },
                    Answer::RateLimited,
                    Answer::HangUp,
                    Answer::AcceptThenHangUp,
                    Answer::AcceptThenFail,
                ]),
            ),
            1 => Self::Stripe(*random.pick(&[
                at_stripe::Answer::Refuse { status: 500 },
                at_stripe::Answer::RateLimited,
                at_stripe::Answer::HangUp,
                at_stripe::Answer::AcceptThenHangUp,
                at_stripe::Answer::AcceptThenFail,
            ])),
            _ => Self::Supabase(random.pick::<&str>(&CALLS), manner),
        }
    }

    fn set(self, stack: &TestStack, random: &mut Random) {
        let requests = Some(1 + u32::try_from(random.below(4)).unwrap());
        match self {
            Self::Supabase(call, manner) => stack.interceptor.set_once(call, manner),
            Self::Twilio(on, answer) => {
                stack.set_twilio([Behaviour { requests, on, answer, ..Default::default() }]);
            }
            Self::Stripe(answer) => stack.simulator().change(|world| {
                let behaviour = at_stripe::Behaviour { requests, answer, ..Default::default() };
                world.stripe.behaviours.set([behaviour]);
            }),
        }
    }
}

/// Lets the closure go on until it has met `fault`, or there is nothing to do for now.
async fn suffer(stack: &TestStack, fault: Fault, random: &mut Random) {
    let standing = Standing::of(stack).await;
    if standing.due_in > 0.0 {
        wait_as_it_does(stack, &standing).await;
    }
    let (call, is_held) = match fault {
        Fault::Supabase(call, manner) => (call, manner != Manner::Unavailable),
        _ => ("no such call", false),
    };
    let before = stack.interceptor.calls(call);
    fault.set(stack, random);
    let end = async {
        loop {
            let standing = Standing::of(stack).await;
            let is_met = is_held && stack.interceptor.calls(call) > before;
            if is_met || standing.is_done || standing.due_in > 0.0 && !standing.is_held(PATIENCE) {
                return;
            }
            if standing.due_in <= 0.0 {
                assert_eq!(stack.run_scheduler().await, 200);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, end).await.is_err() {
        panic!("{fault:?}: {}\n{}", stack.value(TOLD).await, stack.log().join("\n"));
    }
    if is_held {
        stack.kill("cron_deliver").await;
        stack::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
    }
    stack.interceptor.clear();
}

/// Killed and failed at random points, again and again: it completes, and each effect
/// was had once. `LEADSLOCK_CLOSURE_SEEDS` says how many accounts to close so.
#[test]
fn killed_and_failed_at_any_point_it_completes() {
    let seeds = std::env::var("LEADSLOCK_CLOSURE_SEEDS").map_or(2, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        run(async {
            let stack = TestStack::start().await;
            let subscription = subscribe(&stack).await;
            live(&stack).await;
            let texts = stack.value("select count(*) from app.messages").await;
            let owner = Owner::of(&stack).await;
            if random.once_in(2) {
                let manner = *random.pick(&[Manner::HoldRequest, Manner::HoldResponse]);
                stack.interceptor.set_once("request_closure", manner);
                let first = owner.post(CONFIRMATION);
                let kill = async {
                    stack.interceptor.wait_for_calls("request_closure", 1).await;
                    stack.kill("account_delete").await;
                };
                futures_util::future::join(first, kill).await;
            }
            let closure = owner.close().await;
            let mut faults = Vec::new();
            for _ in 0..10 {
                let fault = Fault::any(&mut random);
                faults.push(fault);
                if Standing::of(&stack).await.step == "key" {
                    stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400))
                        .await
                        .unwrap();
                }
                suffer(&stack, fault, &mut random).await;
            }
            stack.set_twilio([]);
            stack.simulator().change(|world| world.stripe.behaviours.set([]));
            drive_to_the_end(&stack).await;

            let told = format!("seed {seed}: {faults:?}");
            assert_eq!(find(&stack, &IDENTIFIERS).await, BTreeSet::new(), "{told}");
            assert_eq!(left_at_providers(&stack), Vec::<String>::new(), "{told}");
            assert_eq!(endings(&stack).await, BTreeMap::from([(subscription, 1)]), "{told}");
            assert_eq!(stack.value("select count(*) from storage.objects").await, "0", "{told}");
            let receipts = receipts(&stack).await;
            assert_eq!(receipts.len(), STEPS.len(), "{told}");
            assert_eq!(receipts["rows"]["messages"].to_string(), texts, "{told}");
            let shown = shown(&stack, &closure).await;
            assert_eq!(shown["state"], "purged", "{told}");
            assert_eq!(shown["certificate"]["receipts"][3]["detail"], receipts["rows"], "{told}");
            stack.stop().await;
        });
    }
}

/// A picture that Storage has and does not give is no picture that is gone: nothing of the
/// account is erased before it is sealed with all there is.
#[test]
fn nothing_is_erased_while_storage_denies_a_picture() {
    on_a_stack(async |stack| {
        live(stack).await;
        let pictures = "select count(*) from storage.objects where bucket_id = 'media'";
        assert_eq!(stack.value(pictures).await, "2");
        stack.interceptor.set("0", Manner::Denied);
        Owner::of(stack).await.close().await;
        drive(stack, "seal", PATIENCE).await;
        let failed = "select count(*) from app.jobs
                      where kind = 'closure' and last_fault = 'storage answered 403 Forbidden'";
        let is_denied = async |standing: &Standing| {
            assert_eq!(standing.step, "seal");
            stack.value(failed).await == "1"
        };
        drive_until(stack, "a failed seal", PATIENCE, is_denied).await;
        assert_eq!(stack.value(pictures).await, "2");
        assert_ne!(stack.value("select count(*) from app.messages").await, "0");

        stack.interceptor.clear();
        drive(stack, "key", PATIENCE).await;
        let sealed = &receipts(stack).await["seal"];
        assert_eq!((&sealed["pictures"], &sealed["pictures_missing"]), (&json!(2), &json!(0)));
        assert_eq!(stack.value(pictures).await, "0");
    });
}
