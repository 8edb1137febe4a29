//! Texts by the hundred while everything fails that can: in the end every lead has
//! what it was owed, once, and nobody who said stop was texted.
//!
//! `LEADSLOCK_CHAOS_TEXTS=10000 cargo test --test it chaos -- --nocapture` sends as many
//! texts as that. `LEADSLOCK_CHAOS_SEED` repeats a run's plan, which is printed; when each
//! thing happens within it is up to the machine.

mod faults;
mod plan;
mod verdict;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    env,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use simulators::{
    World,
    twilio::{
        ApiAnswer,
        behaviour::{Behaviour, On},
        webhook::DeliveryState,
    },
};
use tokio::task::JoinSet;

use self::{
    faults::{Fault, Injected},
    plan::{Plan, Step},
};
use crate::support::{
    PATIENCE, SHOP, TestStack,
    history::{self, Text},
    run,
};

/// Texts of a run that nobody asked to be longer.
const TEXTS: usize = 300;

/// How many texts may be on their way to the product at a time.
const UNDER_WAY: usize = 24;

/// The functions that do the work.
const FUNCTIONS: [&str; 3] = ["sms_inbound", "sms_status", "cron_deliver"];

fn setting(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn promise_own_stop_and_no_text_lost_or_doubled_whatever_fails() {
    run(async {
        let texts = setting("LEADSLOCK_CHAOS_TEXTS").map_or(TEXTS, |n| n.try_into().unwrap());
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
        let seed = setting("LEADSLOCK_CHAOS_SEED").unwrap_or(now);
        println!("chaos: {texts} texts, seed {seed}");
        let begin = Instant::now();

        let mut chaos = Chaos::begin().await;
        for step in Plan::new(seed, texts) {
            chaos.take(step).await;
        }
        let strained = begin.elapsed();
        chaos.end_faults().await;
        // Most look-ups come now, and fail as they were told to.
        chaos.settle().await;
        chaos.drop_twilios(|_| true);

        let verdict = verdict::reach(&chaos.stack, &chaos.texts, &chaos.sids).await;
        println!("{}", chaos.injected);
        println!("{verdict}");
        println!("{:>6}  texts Twilio gave up on and was asked for", chaos.given_up.len());
        println!("{strained:.0?} under faults, {:.0?} in all; seed {seed}", begin.elapsed());
        chaos.injected.assert_all_kinds();
        chaos.stack.stop().await;
    });
}

/// A run.
struct Chaos {
    stack: TestStack,
    /// What was sent, by its SID.
    texts: HashMap<String, Text>,
    /// The SIDs, in the order the phones sent them.
    sids: Vec<String>,
    injected: Injected,
    schedulers: JoinSet<()>,
    /// The texts that Twilio could not deliver, however often it tried.
    given_up: BTreeSet<String>,
}

impl Chaos {
    async fn begin() -> Self {
        let stack = TestStack::alone().await;
        history::observe(&stack.database).await;
        // Slow enough that bursts have to wait for their turn.
        let pace = "update app.sender_numbers set texts_per_minute = 300";
        stack.database.batch_execute(pace).await.unwrap();
        stack.simulator().change(|world| {
            // What is tried again is tried until Postgres is back.
            world.twilio.settings.retry_pause_milliseconds = 1500;
            world.twilio.settings.callback_delay_milliseconds = 20;
        });
        Self {
            stack,
            texts: HashMap::new(),
            sids: Vec::new(),
            injected: Injected::default(),
            schedulers: JoinSet::new(),
            given_up: BTreeSet::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Text { from, body, text } => {
                self.wait_for_room().await;
                let sid = self.stack.simulator().text(&from, SHOP, body).unwrap();
                self.texts.insert(sid.clone(), text);
                self.sids.push(sid);
            }
            Step::Fault(name, fault) => {
                self.injected.count(name);
                self.inject(fault).await;
            }
        }
    }

    async fn inject(&mut self, fault: Fault) {
        let stack = &self.stack;
        match fault {
            Fault::Twilio(behaviours) => stack.simulator().change(|world| {
                let ordered = world.twilio.behaviours.behaviours().to_vec();
                world.twilio.behaviours.set(ordered.into_iter().chain(behaviours));
            }),
            Fault::Groq(behaviour) => stack.simulator().change(|world| {
                let ordered = world.groq.behaviours.behaviours().to_vec();
                world.groq.behaviours.set(ordered.into_iter().chain([behaviour]));
            }),
            Fault::Call(function, manner) => stack.interceptor.set_once(function, manner),
            Fault::Redelivery { age, times, at_once } => {
                let sid = &self.sids[self.sids.len().saturating_sub(1 + age)];
                stack.simulator().redeliver(sid, times, at_once).unwrap();
            }
            Fault::Kill(function) => stack.kill(function).await,
            Fault::PostgresCrash => stack.crash_postgres().await,
            Fault::Leap => self.leap().await,
            Fault::Schedulers(times) => {
                for _ in 0..times {
                    let edge = Arc::clone(stack.edge());
                    self.schedulers.spawn(async move {
                        // It may be killed meanwhile, or meet a database that is down.
                        let _ = edge.fire_cron(leadslock::paths::CRON_DELIVER).await;
                    });
                }
            }
        }
    }

    /// All processes die, and it is long before anything runs again: every lease is over.
    ///
    /// Time can be moved only while nothing is on its way. A text handed to Twilio takes
    /// seconds, and would still be on its way a minute later.
    async fn leap(&self) {
        let closed = self.stack.interceptor.close().await;
        for function in FUNCTIONS {
            self.stack.kill(function).await;
        }
        let is_quiet = |world: &World| {
            let mut requests = world.twilio.requests.iter().rev().take(1000);
            let has_come_in = |age: i64| age > 3 * i64::try_from(faults::SLOW.as_millis()).unwrap();
            let is_quiet = requests.all(|request| {
                request.answer != ApiAnswer::Pending
                    // Its text is accepted, and its callbacks are being sent first.
                    || has_come_in(world.now().as_millisecond() - request.at.as_millisecond())
            });
            is_quiet.then_some(())
        };
        self.stack.simulator().wait_for("Twilio to be done", PATIENCE, is_quiet).await.unwrap();
        let database = self.stack.connect().await;
        stack::clock::advance(&database, Duration::from_secs(20 * 60)).await.unwrap();
        drop(closed);
    }

    /// Waits until few texts are on their way to the product.
    async fn wait_for_room(&self) {
        let room = |world: &World| {
            let deliveries = world.twilio.deliveries.iter().rev().take(20 * UNDER_WAY);
            let running = deliveries.filter(|delivery| delivery.state == DeliveryState::Running);
            (running.count() < UNDER_WAY).then_some(())
        };
        self.stack.simulator().wait_for("room", PATIENCE, room).await.unwrap();
    }

    /// Puts everything in order, and takes back what was ordered and never happened.
    async fn end_faults(&mut self) {
        while self.schedulers.join_next().await.is_some() {}
        for manner in self.stack.interceptor.clear() {
            self.injected.take_back(&Fault::Call("", manner));
        }
        let groq = self.stack.simulator().change(|world| {
            let groq = world.groq.behaviours.behaviours().to_vec();
            world.groq.behaviours.set([]);
            groq
        });
        for behaviour in groq {
            self.injected.take_back(&Fault::Groq(behaviour));
        }
        self.drop_twilios(|behaviour| behaviour.on != On::Lookup);
        self.stack.database = self.stack.connect().await;
    }

    /// Takes back what Twilio was ordered to do, as far as `is_over` says.
    fn drop_twilios(&mut self, is_over: impl Fn(&Behaviour) -> bool) {
        let dropped = self.stack.simulator().change(|world| {
            let ordered = world.twilio.behaviours.behaviours().iter().cloned();
            let (dropped, kept): (Vec<_>, Vec<_>) = ordered.partition(&is_over);
            world.twilio.behaviours.set(kept);
            dropped
        });
        for behaviour in dropped {
            self.injected.take_back(&Fault::Twilio(vec![behaviour]));
        }
    }

    /// Lets Twilio and the scheduler come until nothing is owed any more.
    async fn settle(&mut self) {
        for _ in 0..60 {
            self.wait_for_webhooks().await;
            if !self.deliver_what_twilio_gave_up().await {
                continue;
            }
            if self.stack.value("select count(*) from app.jobs where state = 'open'").await == "0" {
                return;
            }
            self.leap().await;
            tokio::join!(self.stack.run_scheduler(), self.stack.run_scheduler());
        }
        let open = "select jsonb_agg(j) from app.jobs j where state = 'open'";
        panic!("jobs stay open: {}", self.stack.value(open).await);
    }

    /// Waits until Twilio calls nobody.
    async fn wait_for_webhooks(&self) {
        let is_calling = || {
            self.stack.simulator().read(|world| {
                let mut deliveries = world.twilio.deliveries.iter();
                deliveries.any(|delivery| delivery.state == DeliveryState::Running)
            })
        };
        let wait = async {
            while is_calling() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    /// Delivers texts again whose webhook failed in all of Twilio's attempts, as is done by
    /// hand after an outage that was longer. True if there were none.
    async fn deliver_what_twilio_gave_up(&mut self) -> bool {
        let rows = "select twilio_sid from app.messages where direction = 'inbound'";
        let rows = self.stack.rows(rows, &[]).await;
        let known: HashSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        let lost: Vec<_> = self.sids.iter().filter(|sid| !known.contains(sid.as_str())).collect();
        for sid in &lost {
            self.given_up.insert((*sid).clone());
            self.stack.simulator().redeliver(sid, 1, false).unwrap();
        }
        lost.is_empty()
    }
}
