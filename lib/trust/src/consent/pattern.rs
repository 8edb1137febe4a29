//! Phrases of concepts, and where a text has them.

use super::{
    Meaning,
    lexicon::{CONNECTOR, LIGHT, POLITE, Set},
    sense::Sense,
    words::Pause,
};

/// A step of a phrase.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Nothing but small words stands before the next step in its clause.
    Begin,
    /// A clause ends here, or what follows starts another thought.
    End,
    /// The very next word, of these concepts.
    Directly(Set),
    /// A word of the concepts `any`, with at most `gap` others before it. Small words
    /// do not count, a comma counts as two, and no phrase goes beyond a sentence.
    Word {
        /// One of these.
        any: Set,
        /// How many words may stand between it and the one before.
        gap: usize,
    },
}

/// The very next word.
pub(super) const fn directly(any: Set) -> Step {
    Step::Directly(any)
}

/// The next word, small words aside.
pub(super) const fn word(any: Set) -> Step {
    Step::Word { any, gap: 0 }
}

/// The next word or the one after it.
pub(super) const fn near(any: Set) -> Step {
    Step::Word { any, gap: 1 }
}

/// A word soon.
pub(super) const fn soon(any: Set) -> Step {
    Step::Word { any, gap: 2 }
}

/// A word of the same sentence.
pub(super) const fn far(any: Set) -> Step {
    Step::Word { any, gap: 5 }
}

/// How many words before a phrase are looked at for what speaks against it.
const LOOK_BACK: usize = 3;

/// How many small words are passed over at most between two steps.
const LONGEST_PASS: usize = 12;

/// A row of a table: a phrase, what it means, and what speaks against it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// What the owner is told, as in "The lead …".
    pub(super) name: &'static str,
    /// What a text with this phrase means.
    pub(super) meaning: Meaning,
    phrase: &'static [Step],
    not_after: Set,
    not_right_after: Set,
    not_around: Set,
    not_before: &'static [&'static [Step]],
    crosses_sentences: bool,
    is_no_question: bool,
}

impl Rule {
    /// A row without exceptions.
    pub(super) const fn new(name: &'static str, meaning: Meaning, phrase: &'static [Step]) -> Self {
        Self {
            name,
            meaning,
            phrase,
            not_after: Set::NONE,
            not_right_after: Set::NONE,
            not_around: Set::NONE,
            not_before: &[],
            crosses_sentences: false,
            is_no_question: false,
        }
    }

    /// Not where one of these stands shortly before the phrase.
    pub(super) const fn not_after(self, any: Set) -> Self {
        Self { not_after: any, ..self }
    }

    /// Not where one of these is the very word before the phrase.
    pub(super) const fn not_right_after(self, any: Set) -> Self {
        Self { not_right_after: any, ..self }
    }

    /// Not where one of these stands between the steps of the phrase.
    pub(super) const fn not_around(self, any: Set) -> Self {
        Self { not_around: any, ..self }
    }

    /// Not where one of these phrases comes right behind.
    pub(super) const fn not_before(self, phrases: &'static [&'static [Step]]) -> Self {
        Self { not_before: phrases, ..self }
    }

    /// The steps may stand in sentences that follow each other.
    pub(super) const fn across_sentences(self) -> Self {
        Self { crosses_sentences: true, ..self }
    }

    /// Not in a question.
    pub(super) const fn not_asked(self) -> Self {
        Self { is_no_question: true, ..self }
    }

    /// Whether a text with the concepts of `union`, in whatever order, can have the
    /// phrase at all.
    fn may_fit(&self, union: Set) -> bool {
        self.phrase.iter().rev().all(|step| match step {
            Step::Word { any, .. } | Step::Directly(any) => any.meets(union),
            Step::Begin | Step::End => true,
        })
    }

    /// The first place from `from` on where the phrase stands and nothing speaks
    /// against it: its first word and the one behind its last.
    pub(super) fn find(&self, senses: &[Sense], union: Set, from: usize) -> Option<(usize, usize)> {
        if !self.may_fit(union) {
            return None;
        }
        (from..senses.len()).find_map(|start| self.end_from(senses, start).map(|end| (start, end)))
    }

    /// Behind the phrase, if it starts with the word at `start`.
    fn end_from(&self, senses: &[Sense], start: usize) -> Option<usize> {
        let steps = match self.phrase.split_first() {
            Some((Step::Begin, rest)) => begins_clause(senses, start).then_some(rest)?,
            _ => self.phrase,
        };
        let (Step::Word { any, .. }, rest) = steps.split_first()? else { return None };
        let first = senses.get(start)?;
        if !first.set.meets(*any)
            || (self.is_no_question && first.is_asked)
            || self.is_spoken_against(senses, start)
        {
            return None;
        }
        let end = self.end(senses, start + 1, rest)?;
        let continues = |phrase: &&[Step]| self.end(senses, end, phrase).is_some();
        (!self.not_before.iter().any(continues)).then_some(end)
    }

    /// Whether one of the words shortly before `start` speaks against the phrase.
    fn is_spoken_against(&self, senses: &[Sense], start: usize) -> bool {
        let mut position = start;
        while position > start.saturating_sub(LOOK_BACK) {
            if senses.get(position).is_none_or(|sense| sense.pause == Pause::Sentence) {
                return false;
            }
            let any = match position {
                _ if position == start => self.not_after.or(self.not_right_after),
                _ => self.not_after,
            };
            position -= 1;
            if senses.get(position).is_some_and(|sense| sense.set.meets(any)) {
                return true;
            }
        }
        false
    }

    /// Behind the steps of `phrase`, if they fit from `position` on.
    fn end(&self, senses: &[Sense], position: usize, phrase: &[Step]) -> Option<usize> {
        let Some((step, rest)) = phrase.split_first() else { return Some(position) };
        let (any, gap) = match step {
            Step::Begin => return None,
            Step::End => return ends_clause(senses, position).then_some(position),
            Step::Directly(any) => {
                let next = senses.get(position)?;
                return (next.pause == Pause::None && next.set.meets(*any))
                    .then(|| self.end(senses, position + 1, rest))
                    .flatten();
            }
            Step::Word { any, gap } => (*any, *gap),
        };
        let mut passed = 0;
        for at in position..=position + gap + LONGEST_PASS {
            let sense = senses.get(at)?;
            match sense.pause {
                Pause::None => {}
                Pause::Clause => passed += 2,
                Pause::Sentence if self.crosses_sentences => passed += 2,
                Pause::Sentence => return None,
            }
            if passed > gap {
                return None;
            }
            if sense.set.meets(any)
                && let Some(end) = self.end(senses, at + 1, rest)
            {
                return Some(end);
            }
            if sense.set.meets(self.not_around) {
                return None;
            }
            passed += usize::from(!sense.is_light());
            if passed > gap {
                return None;
            }
        }
        None
    }
}

/// Whether nothing but small words stands before `position` in its clause.
fn begins_clause(senses: &[Sense], position: usize) -> bool {
    for at in (0..=position).rev() {
        let Some(sense) = senses.get(at) else { return false };
        if at != position && !sense.set.meets(POLITE.or(LIGHT)) {
            return false;
        }
        if sense.pause != Pause::None {
            return true;
        }
    }
    true
}

/// Whether a clause ends before `position`, but for small words, or another thought
/// begins there.
fn ends_clause(senses: &[Sense], position: usize) -> bool {
    for sense in senses.iter().skip(position) {
        if sense.pause != Pause::None || sense.set.meets(CONNECTOR) {
            return true;
        }
        if !sense.set.meets(POLITE.or(super::lexicon::AGAIN)) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{
        lexicon::{AWAY, CEASE, GO, ME, NOT, REMOVE, TEXTING},
        sense::senses,
        words::words,
    };

    #[track_caller]
    fn check(rule: Rule, fits: &[&str], others: &[&str]) {
        for (texts, want) in [(fits, true), (others, false)] {
            for text in texts {
                let senses = senses(&words(text));
                let union = senses.iter().fold(Set::NONE, |union, sense| union.or(sense.set));
                assert_eq!(rule.find(&senses, union, 0).is_some(), want, "{text}");
            }
        }
    }

    const fn rule(phrase: &'static [Step]) -> Rule {
        Rule::new("", Meaning::Stop, phrase)
    }

    #[test]
    fn small_words_do_not_count_and_others_do() {
        check(
            rule(const { &[word(CEASE), word(TEXTING)] }),
            &["stop texting", "please stop all of the texting"],
            &["stop pizza texting", "texting stop", "stop", "stop. texting", "stop, texting"],
        );
        check(
            rule(const { &[word(CEASE), near(TEXTING)] }),
            &["stop pizza texting"],
            &["stop pizza bread texting", "stop pizza, texting"],
        );
        check(
            rule(const { &[word(CEASE), soon(TEXTING)] }),
            &["stop, texting"],
            &["stop. texting"],
        );
        check(
            rule(const { &[word(CEASE), directly(TEXTING)] }),
            &["stop texting"],
            &["stop the texting"],
        );
    }

    #[test]
    fn a_clause_has_a_beginning_and_an_end() {
        check(
            rule(const { &[Step::Begin, word(GO), word(AWAY), Step::End] }),
            &["go away", "Please just go away!", "hi, go away please, ok?", "go away i hate it"],
            &["rust does go away", "go away gifts"],
        );
    }

    #[test]
    fn what_speaks_against_a_phrase_is_looked_at_where_it_stands() {
        let removal = rule(const { &[word(REMOVE), word(ME)] });
        check(removal.not_after(NOT), &["remove me", "not now. remove me"], &["do not remove me"]);
        check(removal.not_right_after(NOT), &["not now remove me"], &["not remove me"]);
        check(
            removal.not_before(const { &[&[near(AWAY)]] }),
            &["remove me"],
            &["remove me far away"],
        );
        check(
            rule(const { &[word(CEASE), soon(TEXTING)] }).not_around(NOT),
            &["stop pizza texting"],
            &["stop not texting"],
        );
        check(
            rule(const { &[word(CEASE), word(TEXTING)] }).not_asked(),
            &["stop texting", "ok? stop texting"],
            &["stop texting?", "ok. stop texting at noon?"],
        );
        check(
            rule(const { &[word(CEASE), soon(TEXTING)] }).across_sentences(),
            &["stop. texting"],
            &[],
        );
    }
}
