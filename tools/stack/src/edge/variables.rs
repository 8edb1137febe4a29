//! The functions' environment, which a later deployment may change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// One deployment's variables, which stay as they are: a process has those it was started
/// with.
pub(super) type Deployed = Arc<BTreeMap<String, String>>;

/// The variables of the newest deployment.
#[derive(Debug)]
pub(super) struct Variables(Mutex<Deployed>);

impl Variables {
    pub(super) fn new(variables: BTreeMap<String, String>) -> Self {
        Self(Mutex::new(Arc::new(variables)))
    }

    /// The variables of the newest deployment.
    pub(super) fn deployed(&self) -> Deployed {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a new deployment, with `name` set to `value` or not at all.
    pub(super) fn deploy(&self, name: &str, value: Option<&str>) {
        let mut deployed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut variables = BTreeMap::clone(&deployed);
        match value {
            Some(value) => variables.insert(name.to_owned(), value.to_owned()),
            None => variables.remove(name),
        };
        *deployed = Arc::new(variables);
    }
}
