//! Behaviours a simulator was ordered to show, each for a number of requests.

use serde::{Deserialize as _, Deserializer, Serialize, de::Error as _};

/// A behaviour that may hold for the next few requests only.
pub trait Limited {
    /// How many more requests it holds for; always when `None`.
    fn requests(&mut self) -> &mut Option<u32>;
}

/// The behaviours ordered, most urgent first.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Script<B>(Vec<B>);

impl<B: Limited + Clone> Script<B> {
    /// Orders these behaviours instead of all ordered before.
    pub fn set(&mut self, behaviours: impl IntoIterator<Item = B>) {
        self.0 = behaviours.into_iter().collect();
        self.drop_spent();
    }

    /// Takes one request's worth of the first behaviour that applies to it.
    pub(super) fn take(&mut self, applies: impl Fn(&B) -> bool) -> Option<B> {
        let behaviour = self.0.iter_mut().find(|behaviour| applies(behaviour))?;
        if let Some(requests) = behaviour.requests() {
            *requests = requests.saturating_sub(1);
        }
        let taken = behaviour.clone();
        self.drop_spent();
        Some(taken)
    }

    /// The behaviours still to come.
    pub fn behaviours(&self) -> &[B] {
        &self.0
    }

    fn drop_spent(&mut self) {
        self.0.retain_mut(|behaviour| *behaviour.requests() != Some(0));
    }
}

impl<B> Default for Script<B> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// A status that says a request failed; any other would make no sense here.
pub(super) fn failure_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(deserializer)?;
    if (400..600).contains(&status) {
        Ok(status)
    } else {
        Err(D::Error::custom(format!("the status {status} is not within 400 to 599")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone)]
    struct Named(&'static str, Option<u32>);

    impl Limited for Named {
        fn requests(&mut self) -> &mut Option<u32> {
            &mut self.1
        }
    }

    #[test]
    fn a_behaviour_holds_for_its_requests_then_the_next_one_applies() {
        let mut script = Script::default();
        script.set([Named("twice", Some(2)), Named("spent", Some(0)), Named("always", None)]);
        let mut taken = || script.take(|_| true).map(|behaviour| behaviour.0);

        assert_eq!(taken(), Some("twice"));
        assert_eq!(taken(), Some("twice"));
        assert_eq!(taken(), Some("always"));
        assert_eq!(taken(), Some("always"));
    }

    #[test]
    fn a_behaviour_that_does_not_apply_is_not_spent() {
        let mut script = Script::default();
        script.set([Named("other", Some(1)), Named("this", Some(1))]);

        assert_eq!(
            script.take(|behaviour| behaviour.0 == "this").map(|taken| taken.0),
            Some("this")
        );
        assert!(script.take(|behaviour| behaviour.0 == "this").is_none());
        assert_eq!(script.behaviours().len(), 1);
    }
}
