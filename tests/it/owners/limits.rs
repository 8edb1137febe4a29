//! How often somebody may do something.

use leadslock::rate_limit::{Limit, RateLimits, Verdict};
use serde_json::json;

use super::at_a_desk;

#[test]
fn so_many_at_once_and_then_one_at_a_time() {
    at_a_desk(async |desk| {
        let calls = desk.calls();
        let request = json!({
            "kind": "test", "subject": "ab".repeat(32), "limit": 5, "per_seconds": 100,
        });
        let take = async || calls.call("take_rate_limit", request.clone()).await;
        // The clock does not pass within a transaction, nor does it stand still between.
        let many = futures_util::future::join_all((0..4).map(async |_| {
            let database = desk.stack.connect().await;
            let mut allowed = 0;
            for _ in 0..5 {
                let taken =
                    crate::support::calls::call(&database, "take_rate_limit", request.clone());
                allowed += u32::from(taken.await["allowed"] == true);
            }
            allowed
        }));
        assert_eq!(many.await.into_iter().sum::<u32>(), 5);
        let refused = take().await;
        assert_eq!(refused["allowed"], false);
        let wait = refused["retry_after_seconds"].as_u64().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");

        calls.wait(wait).await;
        assert_eq!(take().await["allowed"], true);
        assert_eq!(take().await["allowed"], false);
        calls.wait(60).await;
        let allowed = [take().await, take().await, take().await, take().await];
        assert_eq!(allowed.map(|taken| taken["allowed"] == true), [true, true, true, false]);

        // Other people are not held up, and rows that are past their time go.
        for number in 0..20 {
            let other = json!({ "kind": "test", "subject": format!("{number:064x}"), "limit": 5, "per_seconds": 100 });
            assert_eq!(calls.call("take_rate_limit", other).await["allowed"], true);
        }
        assert_eq!(desk.stack.value("select count(*) from app.rate_limits").await, "21");
        calls.wait(200).await;
        for _ in 0..12 {
            take().await;
        }
        assert_eq!(desk.stack.value("select count(*) from app.rate_limits").await, "1");
    });
}

#[test]
fn every_limit_is_kept_and_names_nobody() {
    at_a_desk(async |desk| {
        let limits = RateLimits::new(&"a key that nobody knows, of some length".into());
        for limit in Limit::ALL {
            let subject = "192.0.2.44";
            let mut taken = 0;
            while limits.take(desk.console.supabase(), limit, subject).await.unwrap()
                == Verdict::Allowed
            {
                taken += 1;
                assert!(taken < 100, "{limit:?} has no end");
            }
            let other = limits.take(desk.console.supabase(), limit, "192.0.2.45").await.unwrap();
            assert_eq!(other, Verdict::Allowed, "{limit:?}");
        }
        let stored =
            desk.stack.value("select string_agg(r::text, ' ') from app.rate_limits r").await;
        assert!(!stored.contains("192.0.2"));
    });
}
