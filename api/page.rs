//! Every HTML page: what the product is, and the console of owners.

use std::sync::Arc;

use leadslock::{edge, functions::page::Page, settings::Reader, telemetry};
use vercel_runtime::{AppState, Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let flow = Arc::new(Page::from_settings(Reader::process())?);
    run(service_fn(move |request: Request, state: AppState| {
        edge::serve(Arc::clone(&flow), request, move |work| state.wait_until(work))
    }))
    .await
}
