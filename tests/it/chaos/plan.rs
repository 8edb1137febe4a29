//! Who texts what, and what fails when: the same for the same seed.

use super::faults::{Fault, KINDS};
use crate::support::{
    history::{Meaning, Text},
    random::Random,
};

/// What happens next.
pub(crate) enum Step {
    /// A phone sends a text.
    Text { from: String, body: &'static str, text: Text },
    /// Something fails.
    Fault(&'static str, Fault),
}

/// How many leads are in conversation at a time: few, so that texts of one overtake
/// each other, and stops meet answers on their way.
const AT_A_TIME: usize = 16;

/// One text in so many is the last of its lead.
const CONVERSATION: usize = 7;

/// One lead in so many does not stop before the hourly cap is met.
const CHATTY: usize = 12;

const OURS: bool = false;
const TWILIOS: bool = true;

/// What leads say; what it means, and who answers a keyword; how often in a hundred.
const SAYINGS: [(&str, Meaning, bool, usize); 24] = [
    ("Hi! What are your opening hours?", Meaning::Text, OURS, 12),
    ("How much is a basic tune-up?", Meaning::Text, OURS, 12),
    ("Do you repair e-bikes? Mine is from 2019.", Meaning::Text, OURS, 9),
    ("Can I stop by at 5?", Meaning::Text, OURS, 5),
    ("Bonjour, quelles sont vos heures d'ouverture?", Meaning::Text, OURS, 8),
    ("Combien pour une crevaison? 🚲 Merci!", Meaning::Text, OURS, 8),
    ("Ok", Meaning::Text, OURS, 4),
    ("My card is 4111 1111 1111 1111, exp 12/28", Meaning::Text, OURS, 3),
    ("Ma carte: 5555-5555-5555-4444", Meaning::Text, OURS, 2),
    ("STOP", Meaning::Stop, TWILIOS, 3),
    ("unsubscribe", Meaning::Stop, TWILIOS, 1),
    ("ARRET", Meaning::Stop, OURS, 2),
    ("arrêt", Meaning::Stop, OURS, 1),
    ("Could you please stop texting me? I moved away.", Meaning::Stop, OURS, 2),
    ("Take me off your list", Meaning::Stop, OURS, 1),
    ("Arrêtez de m'écrire svp", Meaning::Stop, OURS, 2),
    ("START", Meaning::Start, TWILIOS, 8),
    ("unstop", Meaning::Start, TWILIOS, 2),
    ("start again please", Meaning::Start, OURS, 3),
    ("Yes", Meaning::Yes, TWILIOS, 3),
    ("HELP", Meaning::Help, OURS, 3),
    ("info", Meaning::Help, OURS, 2),
    ("AIDE", Meaning::Help, OURS, 2),
    ("aide svp", Meaning::Help, OURS, 2),
];

/// A run's steps.
pub(crate) struct Plan {
    random: Random,
    texts_left: usize,
    leads: Vec<Phone>,
    lead_count: u32,
    /// What is still to fail before the next text.
    faults: Vec<(&'static str, Fault)>,
    /// Kinds of faults that have not been planned, so that a short run has them all.
    unplanned: Vec<usize>,
    texts: usize,
}

struct Phone {
    number: String,
    is_chatty: bool,
}

impl Plan {
    /// The steps of `seed`, with so many texts.
    pub(crate) fn new(seed: u64, texts: usize) -> Self {
        let unplanned = (0..KINDS.len()).collect();
        Self {
            random: Random::new(seed),
            texts_left: texts,
            leads: Vec::new(),
            lead_count: 0,
            faults: Vec::new(),
            unplanned,
            texts,
        }
    }

    fn text(&mut self) -> Step {
        while self.leads.len() < AT_A_TIME {
            self.lead_count += 1;
            let number = format!("+1514{:07}", 2_000_000 + self.lead_count);
            self.leads.push(Phone { number, is_chatty: self.random.once_in(CHATTY) });
        }
        let index = self.random.below(AT_A_TIME);
        let from = self.leads[index].number.clone();
        let is_chatty = self.leads[index].is_chatty;
        if self.random.once_in(if is_chatty { 4 * CONVERSATION } else { CONVERSATION }) {
            self.leads.swap_remove(index);
        }

        let hundred = if is_chatty { 40 } else { 100 };
        let mut at = self.random.below(hundred);
        let saying = SAYINGS.iter().find(|(.., share)| {
            let is_it = at < *share;
            at = at.saturating_sub(*share);
            is_it
        });
        let &(body, meaning, is_answered_by_twilio, _) = saying.unwrap();
        Step::Text { from, body, text: Text { meaning, is_answered_by_twilio } }
    }

    /// Makes up what fails before the next text.
    fn make_up_faults(&mut self) {
        for (name, in_a_thousand, fault) in KINDS {
            if self.random.below(1000) < in_a_thousand as usize {
                self.faults.push((name, fault(&mut self.random)));
            }
        }
        // All kinds in the first three quarters, so that each has a text to fail at.
        let done = (self.texts - self.texts_left) * 4 * KINDS.len() / (3 * self.texts);
        while KINDS.len() - self.unplanned.len() <= done && !self.unplanned.is_empty() {
            let next = self.unplanned.swap_remove(self.random.below(self.unplanned.len()));
            let (name, _, fault) = KINDS[next];
            self.faults.push((name, fault(&mut self.random)));
        }
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some((name, fault)) = self.faults.pop() {
            return Some(Step::Fault(name, fault));
        }
        self.texts_left = self.texts_left.checked_sub(1)?;
        let text = self.text();
        self.make_up_faults();
        Some(text)
    }
}
