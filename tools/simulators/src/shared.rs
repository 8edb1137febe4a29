//! What one provider knows, and how the parts of its simulator share it: the mechanism, below
//! all providers. What they are together is [`crate::world`].

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};

use crate::controls::Controls;

/// What all simulated providers have in common: the time, the news, what goes on in the
/// background, and the stack around them.
#[derive(Default)]
pub(crate) struct Common {
    /// How often anything changed.
    version: watch::Sender<u64>,
    clock_offset: Mutex<Duration>,
    tasks: Mutex<JoinSet<()>>,
    controls: Mutex<Option<Arc<dyn Controls>>>,
}

impl Common {
    /// How often anything changed.
    pub(crate) fn version(&self) -> u64 {
        *self.version.borrow()
    }

    /// Wakes whoever waits for a change.
    pub(crate) fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Waits until `look` finds something, which it does only after a change.
    pub(crate) async fn wait<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.version.subscribe();
        let found = async {
            loop {
                // Marked as seen before looking, so no change in between is lost.
                changes.borrow_and_update();
                if let Some(found) = look() {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(timeout, found).await.ok().flatten()
    }

    /// The time as the simulators tell it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.clock_offset()).unwrap_or(now)
    }

    /// How far that is ahead.
    pub(crate) fn clock_offset(&self) -> Duration {
        *lock(&self.clock_offset)
    }

    /// Sets how far that is ahead, and wakes nobody.
    pub(crate) fn set_clock_offset(&self, offset: Duration) {
        *lock(&self.clock_offset) = offset;
    }

    /// Runs `task` in the background until it is done or the simulator ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends all background tasks.
    pub(crate) fn abort_tasks(&self) {
        lock(&self.tasks).abort_all();
    }

    /// Ends all background tasks, and waits for that.
    pub(crate) async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }

    pub(crate) fn controls(&self) -> Option<Arc<dyn Controls>> {
        lock(&self.controls).clone()
    }

    pub(crate) fn set_controls(&self, controls: Arc<dyn Controls>) {
        *lock(&self.controls) = Some(controls);
    }
}

/// What all requests and background tasks of one simulated provider hold in common.
pub(crate) struct Shared<A> {
    account: Mutex<A>,
    common: Arc<Common>,
}

impl<A> Shared<A> {
    pub(crate) fn new(account: A, common: Arc<Common>) -> Self {
        Self { account: Mutex::new(account), common }
    }

    /// What it has in common with other providers.
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// The account, which nothing else changes meanwhile, so be brief.
    pub(crate) fn hold(&self) -> Held<'_, A> {
        Held { account: lock(&self.account), common: &self.common }
    }

    /// Looks at the account.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Held<'_, A>) -> T) -> T {
        look(&self.hold())
    }

    /// Changes the account, and wakes whoever waits for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Held<'_, A>) -> T) -> T {
        let changed = change(&mut self.hold());
        self.common.tell();
        changed
    }

    /// Waits until `condition` finds something in the account.
    pub(crate) async fn wait<T>(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&Held<'_, A>) -> Option<T>,
    ) -> Option<T> {
        self.common.wait(timeout, || self.read(&mut condition)).await
    }

    /// Runs `task` in the background until it is done or the simulator ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.common.spawn(task);
    }

    /// Runs `task` to its end even if whoever asked for it hangs up meanwhile.
    ///
    /// Nothing comes back if the simulator is reset before that.
    pub(crate) async fn complete<T: Send + 'static>(
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
}

/// An account, held by who looks at it or changes it, and the time there.
pub struct Held<'a, A> {
    account: MutexGuard<'a, A>,
    common: &'a Common,
}

impl<A> Held<'_, A> {
    /// The time as the simulators tell it.
    pub fn now(&self) -> Timestamp {
        self.common.now()
    }

    /// How far that is ahead.
    pub(crate) fn clock_offset(&self) -> Duration {
        self.common.clock_offset()
    }
}

impl<A> Deref for Held<'_, A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.account
    }
}

impl<A> DerefMut for Held<'_, A> {
    fn deref_mut(&mut self) -> &mut A {
        &mut self.account
    }
}

impl<A: std::fmt::Debug> std::fmt::Debug for Held<'_, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.account.fmt(f)
    }
}

/// Locks `mutex`. A panic elsewhere leaves nothing half done that matters here:
/// each change is a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
