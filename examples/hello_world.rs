//! The least a function can be: what the benchmarks compare ours with.

use vercel_runtime::{Error, Request, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(|_: Request| async { "Hello, world!" })).await
}
