//! Killed and failed anywhere on the way.

use std::{
    io::Cursor,
    time::{Duration, Instant},
};

use leadslock::paths;
use reqwest::Method;
use simulators::twilio::inbound::Medium;

use super::{Owner, check_objects, fill};
use crate::support::{LEAD, PATIENCE, SHOP, TestStack, interceptor::Manner, on_a_stack, run};

/// Killed at whatever point: one valid bundle at the end, and no other object.
#[test]
fn killed_at_any_point_it_is_finished() {
    on_a_stack(async |stack| {
        fill(stack, 4000).await;
        for (step, manner) in [
            ("request_export", Manner::HoldResponse),
            ("snapshot_export", Manner::HoldRequest),
            ("snapshot_export", Manner::HoldResponse),
            ("export_chunk", Manner::HoldRequest),
            ("export_chunk", Manner::HoldResponse),
            ("finish_export", Manner::HoldRequest),
            ("finish_export", Manner::HoldResponse),
        ] {
            let before = stack.interceptor.calls(step);
            let owner = Owner::of(stack).await;
            stack.interceptor.set(step, manner);
            let asking = tokio::spawn(owner.request(r#"{"format":"json"}"#).send());
            stack.interceptor.wait_for_calls(step, before + 1).await;
            stack.kill("account_export").await;
            stack.interceptor.clear();
            stack.run_scheduler_later().await;
            let state = "select count(*) from app.exports where state <> 'ready'";
            stack.wait_for_value(state, "0").await;
            // It had its answer, or the process died over it.
            let _ = asking.await.unwrap();
            let newest = "select id from app.exports order by id desc limit 1";
            let id = stack.value(newest).await;
            let place = format!("{}?id={id}", paths::ACCOUNT_EXPORT);
            let owner = Owner::of(stack).await;
            let (_, export) = owner.send(Method::GET, &place, "").await;
            assert_eq!(owner.fetch(&export).await.rows["messages"], 4002, "{step} {manner:?}");
            check_objects(stack).await;
        }
    });
}

/// Killed at random points, again and again. `EXPORT_SEEDS` says how many lives to try.
#[test]
fn killed_at_random_points_there_is_one_valid_bundle_at_the_end() {
    let seeds = std::env::var("EXPORT_SEEDS").map_or(4, |seeds| seeds.parse().unwrap());
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 20_000).await;
        for seed in 1..=seeds {
            let mut random = Random(seed);
            let owner = Owner::of(&stack).await;
            let calls = stack.interceptor.calls("export_chunk");
            let export = owner.ask("json").await;
            for _ in 0..random.below(4) {
                // So many chunks on, or when it is over; and anywhere in between.
                let point = calls + random.below(40);
                let id = export["export_id"].as_str().unwrap();
                let state = format!("select state from app.exports where id = '{id}'");
                let mut scheduler = Scheduler::of(&stack);
                while stack.interceptor.calls("export_chunk") < point
                    && stack.value(&state).await == "open"
                {
                    scheduler.come().await;
                }
                tokio::time::sleep(Duration::from_micros(random.below(5000) as u64)).await;
                stack.kill("account_export").await;
                stack.kill("cron_deliver").await;
                stack.run_scheduler_later().await;
            }
            let mut scheduler = Scheduler::of(&stack);
            let open = "select count(*) from app.exports where state = 'open'";
            let wait = async {
                while stack.value(open).await != "0" {
                    scheduler.come().await;
                }
            };
            let waited = tokio::time::timeout(2 * PATIENCE, wait).await;
            assert!(waited.is_ok(), "seed {seed} is not over");
            let owner = Owner::of(&stack).await;
            let ready = owner.wait(&export).await;
            assert_eq!(owner.fetch(&ready).await.rows["messages"], 20_002, "seed {seed}");
            check_objects(&stack).await;
            assert_eq!(stack.value("select count(*) from app.export_chunks").await, "0");
        }
        let ready = "select count(*) from storage.objects where bucket_id = 'exports'";
        assert_eq!(stack.value(ready).await, seeds.to_string());
        stack.stop().await;
    });
}

/// Comes again when nobody has been at work for long: what a killed function had asked
/// for may have renewed its lease when it was gone.
struct Scheduler<'a> {
    stack: &'a TestStack,
    came: Instant,
    calls: usize,
}

impl<'a> Scheduler<'a> {
    fn of(stack: &'a TestStack) -> Self {
        Self { stack, came: Instant::now(), calls: stack.interceptor.calls("export_chunk") }
    }

    async fn come(&mut self) {
        let calls = self.stack.interceptor.calls("export_chunk");
        if calls > self.calls {
            (self.came, self.calls) = (Instant::now(), calls);
        } else if self.came.elapsed() > Duration::from_secs(5) {
            self.stack.run_scheduler_later().await;
            self.came = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Numbers that look random and are the same for a seed (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn storage_or_database_that_fails_delays_it_and_nothing_else() {
    on_a_stack(async |stack| {
        fill(stack, 100).await;
        let owner = Owner::of(stack).await;
        let failed =
            "select count(*) from app.jobs where state = 'open' and last_fault is not null";
        for step in ["snapshot_export", "export_chunk", "finish_export"] {
            stack.interceptor.set(step, Manner::Unavailable);
            let export = owner.ask("csv").await;
            stack.wait_for_value(failed, "1").await;
            stack.interceptor.clear();
            stack.run_scheduler_later().await;
            owner.fetch(&owner.wait(&export).await).await;
        }
        // Storage: the object's name is the last part of the path.
        let export = {
            let busy = stack.interceptor.calls("snapshot_export");
            stack.interceptor.set("snapshot_export", Manner::HoldRequest);
            let export = owner.ask("csv").await;
            stack.interceptor.wait_for_calls("snapshot_export", busy + 1).await;
            export
        };
        stack.kill("account_export").await;
        stack.interceptor.clear();
        let object = format!("{}.zip", export["export_id"].as_str().unwrap());
        stack.interceptor.set(&object, Manner::Unavailable);
        stack.run_scheduler_later().await;
        stack.wait_for_value(failed, "1").await;
        check_objects(stack).await;
        stack.interceptor.clear();
        stack.run_scheduler_later().await;
        owner.fetch(&owner.wait(&export).await).await;
        check_objects(stack).await;
    });
}

/// A picture that Storage has and does not give delays the bundle, which is not ready
/// without it.
#[test]
fn no_bundle_is_ready_while_storage_denies_a_picture() {
    on_a_stack(async |stack| {
        let picture = Medium::file("image/png", b"\x89PNG\r\n\x1a\n\x01");
        stack.simulator().text_with_media(LEAD, SHOP, "", vec![picture]).unwrap();
        let stored = "select count(*) from app.media where state = 'stored'";
        stack.wait_for_value(stored, "1").await;
        stack.interceptor.set("0", Manner::Denied);
        let owner = Owner::of(stack).await;
        let export = owner.ask("json").await;
        let failed = "select count(*) from app.jobs
                      where kind = 'export' and last_fault = 'storage answered 403 Forbidden'";
        stack.wait_for_value(failed, "1").await;
        check_objects(stack).await;
        stack.interceptor.clear();
        stack.run_scheduler_later().await;
        let bundle = owner.fetch(&owner.wait(&export).await).await;
        let zip = zip::ZipArchive::new(Cursor::new(&bundle.bytes)).unwrap();
        assert_eq!(zip.file_names().flatten().filter(|name| name.starts_with("media/")).count(), 1);
    });
}

/// One object that Storage refuses to delete keeps no other back, night after night.
#[test]
fn an_object_that_is_not_deleted_keeps_no_other_back() {
    on_a_stack(async |stack| {
        let storage = stack.storage();
        for path in ["refused/1", "good/1", "good/2"] {
            storage.upload("media", path, "image/png", b"x"[..].into()).await.unwrap();
            let owe = "insert into app.object_deletions (bucket, path) values ('media', $1)";
            stack.database.execute(owe, &[&path]).await.unwrap();
        }
        let left = "select string_agg(name, ',' order by name) from storage.objects
                    where bucket_id = 'media'";
        // Deletions name the bucket in their path, the object in their body.
        stack.interceptor.set_once("media", Manner::Denied);
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value(left, "refused/1").await;
        // The others' rows go a moment after their objects.
        let tried = "select string_agg(attempts::text, ',') from app.object_deletions";
        stack.wait_for_value(tried, "1").await;
        stack.run_scheduler_later().await;
        stack.wait_for_value(left, "null").await;
        stack.wait_for_value("select count(*) from app.object_deletions", "0").await;
    });
}
