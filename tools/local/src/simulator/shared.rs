//! The state of one simulator, and how its parts share it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};
use url::Url;

use super::{Controls, Options, groq, stripe, twilio};

/// Everything one simulator knows.
#[derive(Debug)]
pub struct World {
    /// How often anything changed; who waits for a change compares it.
    pub version: u64,
    /// How far the simulators' time is ahead.
    pub clock_offset: Duration,
    /// The Twilio account.
    pub twilio: twilio::Account,
    /// The Groq account.
    pub groq: groq::Account,
    /// The Stripe account.
    pub stripe: stripe::Account,
}

impl World {
    /// The time as the simulators tell it.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.clock_offset).unwrap_or(now)
    }
}

/// What all requests and background tasks of one simulator hold in common.
pub(super) struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<()>,
    tasks: Mutex<JoinSet<()>>,
    controls: Mutex<Option<Arc<dyn Controls>>>,
}

impl Shared {
    /// The world behind a server at `url`.
    pub(super) fn new(options: Options, url: &Url) -> Self {
        let world = World {
            version: 0,
            clock_offset: Duration::ZERO,
            twilio: twilio::Account::new(options.twilio),
            groq: groq::Account::new(options.groq),
            stripe: stripe::Account::new(options.stripe, format!("{url}stripe")),
        };
        Self {
            world: Mutex::new(world),
            changes: watch::Sender::new(()),
            tasks: Mutex::default(),
            controls: Mutex::default(),
        }
    }

    /// Looks at the world. Nothing else changes meanwhile, so be brief.
    pub(super) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&lock(&self.world))
    }

    /// Changes the world, and wakes whoever waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let changed = {
            let mut world = lock(&self.world);
            world.version += 1;
            change(&mut world)
        };
        self.changes.send_replace(());
        changed
    }

    /// Waits until `condition` finds something in the world.
    pub(super) async fn wait<T>(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&World) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                // Marked as seen before looking, so no change in between is lost.
                changes.borrow_and_update();
                if let Some(found) = self.read(&mut condition) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(timeout, found).await.ok().flatten()
    }

    /// Runs `task` in the background until it is done or the simulator ends.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Runs `task` to its end even if whoever asked for it hangs up meanwhile.
    ///
    /// Nothing comes back if the simulator is reset before that.
    pub(super) async fn complete<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        self.spawn(async {
            // Nobody listening any more is what this function is for.
            let _ = done.send(task.await);
        });
        outcome.await.ok()
    }

    /// Ends all background tasks.
    pub(super) fn abort_tasks(&self) {
        lock(&self.tasks).abort_all();
    }

    /// Forgets what happened; see [`super::Simulator::reset`].
    pub(super) async fn reset(&self) {
        // Waited for, so that no task writes into the world that begins after.
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
        self.change(|world| {
            world.twilio.reset();
            world.groq.reset();
            world.stripe.reset();
        });
    }

    pub(super) fn controls(&self) -> Option<Arc<dyn Controls>> {
        lock(&self.controls).clone()
    }

    pub(super) fn set_controls(&self, controls: Arc<dyn Controls>) {
        *lock(&self.controls) = Some(controls);
    }
}

/// Locks `mutex`. A panic elsewhere leaves nothing half done that matters here:
/// each change is a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
