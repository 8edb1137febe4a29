//! What a request asks of Supabase before it is answered.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, ensure};

use super::{Extent, connection::Connection, sample, table::Table};
use crate::stand_in::{Counts, StandIn};
use stack::{edge::Function, progress::Progress};

/// Counts what texts to the `sms_inbound` at `executable` ask for.
pub(super) async fn measure(
    executable: &Path,
    extent: Extent,
    progress: &Progress,
) -> Result<String> {
    progress.say("counting the calls of texts");
    let stand_in = StandIn::start_tls().await?;
    let mut texts = BTreeMap::<Counts, usize>::new();
    for counts in of_warm_texts(executable, &stand_in, extent.counted).await? {
        *texts.entry(counts).or_default() += 1;
    }

    let mut table = Table::new(["calls", "new connections", "texts"]);
    for (counts, texts) in texts {
        table.row([counts.calls, counts.connections, texts].map(|count| count.to_string()));
    }
    Ok(table.to_string())
}

/// Starts the `sms_inbound` at `executable`, with `stand_in` for its Supabase, and texts it.
/// What each text but the first had asked for when it was answered is returned.
///
/// The first one finds the function cold: it opens the connection the others use.
pub async fn of_warm_texts(
    executable: &Path,
    stand_in: &StandIn,
    texts: usize,
) -> Result<Vec<Counts>> {
    let function = Function::start(executable, sample::variables(stand_in)).await?;
    let mut connection = Connection::open(function.address()).await?;
    connection.exchange(&sample::inbound(0)?).await?;
    let mut before = stand_in.counts();
    ensure!(before == Counts { calls: 1, connections: 1 }, "the first text made {before:?}");

    let mut counts = Vec::with_capacity(texts);
    for number in 1..=texts {
        connection.exchange(&sample::inbound(number)?).await?;
        let after = stand_in.counts();
        counts.push(after - before);
        before = after;
    }
    function.stop().await?;
    Ok(counts)
}
