//! A text costs one round trip to Supabase before Twilio has its answer, over a
//! connection that is open already.

use std::path::Path;

use bench::{
    round_trips,
    stand_in::{Counts, StandIn},
};

#[tokio::test]
async fn a_warm_text_makes_one_call_over_a_reused_connection() {
    let stand_in = StandIn::start().await.unwrap();
    let executable = Path::new(env!("CARGO_BIN_EXE_sms_inbound"));

    let counts = round_trips::of_warm_texts(executable, &stand_in, 50).await.unwrap();

    assert_eq!(counts, [Counts { calls: 1, connections: 0 }; 50]);
}
