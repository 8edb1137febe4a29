//! A large account.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use super::{Closed, demo_shop, keep_busy, process, restoring};
use crate::support::{TestStack, run};

/// What a large account takes. `cargo test --test it -- --ignored --nocapture a_large`
#[test]
#[ignore = "takes minutes; measures"]
fn a_large_account_takes_no_more_memory_than_a_small_one() {
    run(async {
        let mut peaks = Vec::new();
        for (texts, pictures) in [(1_000, 20), (100_000, 2_000)] {
            let stack = TestStack::start().await;
            keep_busy(&stack, texts).await;
            add_pictures(&stack, pictures).await;
            let shop = demo_shop(&stack).await;
            let url = stack.supabase().0.clone();
            let begun = Instant::now();
            let sealing = peak_memory(process(&url, &stack, "LEADSLOCK_SEAL", shop)).await;
            println!(
                "{texts} texts, {pictures} pictures: sealed in {:.1?}, {sealing} KB",
                begun.elapsed()
            );
            let closed = Closed::of(&stack).await;
            let begun = Instant::now();
            let restored = peak_memory(restoring(&url, &stack, closed.id())).await;
            println!("restored in {:.1?}, {restored} KB", begun.elapsed());
            println!("{} bytes", closed.sealed.receipt.byte_count);
            closed.check_restored(&stack).await;
            peaks.push([sealing, restored]);
            stack.stop().await;
        }
        // 16 MB for what an allocator keeps.
        let [small, large] = peaks[..] else { panic!("{peaks:?}") };
        assert!(large[0] < small[0] + 16_384 && large[1] < small[1] + 16_384, "{peaks:?}");
    });
}

/// Waits until a process has done its work, and returns the most memory it had, in KB.
async fn peak_memory(mut process: Child) -> u64 {
    let mut peak = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let outcome = loop {
        pace.tick().await;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(found.unwrap_or(0));
        if let Some(outcome) = process.try_wait().unwrap() {
            break outcome;
        }
    };
    assert!(outcome.success());
    peak
}

/// Adds pictures of 20 KB to the newest texts.
async fn add_pictures(stack: &TestStack, count: i64) {
    let add = "insert into app.media
                 (message_id, business_id, position, twilio_sid, told_type, state, found_type,
                  byte_count, sha256, settled_at, removed_at)
               select id, business_id, 0, 'ME' || md5(id::text), 'image/jpeg', 'stored',
                      'image/jpeg', 20000, sha256(''), now(), now()
               from (select * from app.messages where media_count = 0 order by id desc limit $1) m
               returning storage_path";
    for (number, row) in stack.rows(add, &[&count]).await.iter().enumerate() {
        let noise = |at: usize| ((at + number).wrapping_mul(2_654_435_761) >> 13) as u8;
        let content: Vec<u8> = (0..20_000).map(noise).collect();
        let path: String = row.get(0);
        let storage = stack.storage();
        storage.upload("media", &path, "image/jpeg", content.into()).await.unwrap();
    }
}
