//! Vercel's scheduler.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::bail;
use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::{Request, header};
use jiff::{Timestamp, civil::DateTime, tz::Offset};
use tokio::task::JoinSet;

use super::{Line, router::Router};

/// How Vercel's scheduler introduces itself.
const USER_AGENT: &str = "vercel-cron/1.0";

/// Calls each cron on its schedule until this future is dropped.
///
/// As Vercel's, it does not wait for the run before, and does not repeat one that fails.
pub(super) async fn run(router: Arc<Router>) {
    let mut runs = JoinSet::new();
    loop {
        // The first second of each minute is left out, so that a clock set back by a
        // fraction of a second does not bring the same minute twice.
        let second = u64::from(now().second().unsigned_abs());
        tokio::time::sleep(Duration::from_secs(61 - second)).await;

        while runs.try_join_next().is_some() {}
        let now = now();
        for cron in router.vercel_json.crons.iter().filter(|cron| cron.schedule.is_due(now)) {
            let (router, path) = (Arc::clone(&router), cron.path.clone());
            runs.spawn(async move {
                let outcome = match fire(&router, &path).await {
                    Ok(200..=299) => return,
                    Ok(status) => format!("GET {path} was answered with {status}"),
                    Err(error) => format!("{error:#}"),
                };
                router.log.push(Line { source: "crons".to_owned(), text: outcome });
            });
        }
    }
}

/// Calls the cron at `path` now, and returns the status it answered with.
pub(super) async fn fire(router: &Router, path: &str) -> anyhow::Result<u16> {
    if !router.vercel_json.crons.iter().any(|cron| cron.path == path) {
        bail!("vercel.json has no cron {path}");
    }
    let response = router.answer(request(router, path)?, Ipv4Addr::LOCALHOST.into()).await;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}

/// The request by which Vercel's scheduler calls `path`.
pub(super) fn request(router: &Router, path: &str) -> anyhow::Result<Request<Body>> {
    let mut request = Request::get(path)
        .header(header::HOST, &router.authority)
        .header(header::USER_AGENT, USER_AGENT);
    if let Some(secret) = router.variables.deployed().get("CRON_SECRET") {
        request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
    }
    Ok(request.body(Body::empty())?)
}

/// The time in UTC, which is what schedules are in.
fn now() -> DateTime {
    Offset::UTC.to_datetime(Timestamp::now())
}
