//! `GET /api/cron/retention`: Vercel's scheduler has what is past its time deleted, daily.

use std::sync::Arc;

use leadslock::{cron_retention::CronRetention, http_edge, settings::Reader, telemetry};
use vercel_runtime::{AppState, Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let flow = Arc::new(CronRetention::from_settings(Reader::process())?);
    run(service_fn(move |request: Request, state: AppState| {
        http_edge::serve(Arc::clone(&flow), request, move |work| state.wait_until(work))
    }))
    .await
}
