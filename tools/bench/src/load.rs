//! Many requests over some connections at once.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::connection::Connection;

/// What a number of requests took.
pub(super) struct Round {
    /// From the first request to the last answer.
    pub(super) elapsed: Duration,
    /// Each request's time, in no order.
    pub(super) latencies: Vec<Duration>,
}

/// Sends the function at `address` `count` of `requests`, over so many `connections` at once.
///
/// No answer may have a status above `most`. Each connection sends its next request as soon as it has its answer. If there
/// are too few requests, they are sent again from the first.
pub(super) async fn run(
    address: SocketAddr,
    requests: &Arc<[Vec<u8>]>,
    connections: usize,
    count: usize,
    most: u16,
) -> Result<Round> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }

    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for (number, mut connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        clients.spawn(async move {
            let share = requests.iter().cycle().take(count).skip(number).step_by(connections);
            let mut latencies = Vec::with_capacity(count / connections + 1);
            for request in share {
                let sent = Instant::now();
                let status = connection.ask(request).await?;
                ensure!(status <= most, "the function answered {status}: {}", connection.answer());
                latencies.push(sent.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(count);
    while let Some(share) = clients.join_next().await {
        latencies.extend(share??);
    }
    Ok(Round { elapsed: begin.elapsed(), latencies })
}
