//! Everything that can fail, and how often it did.

use std::{collections::BTreeMap, fmt, time::Duration};

use simulators::{
    groq::behaviour::{Answer as GroqAnswer, Behaviour as Groq},
    twilio::{
        behaviour::{Answer, Behaviour as Twilio, Callbacks, End, On, Order},
        message::Status,
    },
};

use crate::support::{interceptor::Manner, random::Random};

/// Something that goes wrong, once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// Twilio does these, each at its next request of that kind. The last one is the fault.
    Twilio(Vec<Twilio>),
    /// Groq does this at its next request.
    Groq(Groq),
    /// The next call of a function in the database meets this.
    Call(&'static str, Manner),
    /// A webhook is called again: of the text sent so many texts ago.
    Redelivery { age: usize, times: u32, at_once: bool },
    /// A function's process is killed.
    Kill(&'static str),
    /// Postgres is killed, and comes back.
    PostgresCrash,
    /// All processes die, and every lease is over before another starts.
    Leap,
    /// The scheduler runs, so many times at once.
    Schedulers(u32),
}

/// A kind of fault: its name, how often it comes in a thousand texts, and what it is.
pub(crate) type Kind = (&'static str, u32, fn(&mut Random) -> Fault);

/// How long Twilio takes when it is slow.
pub(crate) const SLOW: Duration = Duration::from_millis(1500);

/// All kinds.
pub(crate) const KINDS: [Kind; 52] = [
    ("twilio: hangs up", 8, |_| create(Answer::HangUp)),
    ("twilio: too many requests", 8, |_| create(Answer::RateLimited)),
    ("twilio: 500", 8, |_| create(refuse(500, 20500))),
    ("twilio: wrong credentials", 4, |_| create(refuse(401, 20003))),
    ("twilio: refuses the text", 3, |_| create(refuse(400, 30007))),
    ("twilio: knows the number is opted out", 2, |_| create(refuse(400, 21610))),
    ("twilio: knows the number is no mobile", 2, |_| create(refuse(400, 21614))),
    ("twilio: keeps silent", 4, |_| create(Answer::Stall)),
    ("twilio: accepts, then 500", 8, |_| create(Answer::AcceptThenFail)),
    ("twilio: accepts, then hangs up", 8, |_| create(Answer::AcceptThenHangUp)),
    ("twilio: accepts, then keeps silent", 4, |_| create(Answer::AcceptThenStall)),
    ("twilio: accepts, hangs up, tells nothing", 6, |_| silently(Answer::AcceptThenHangUp)),
    ("twilio: accepts, then silence for ever", 3, |_| silently(Answer::AcceptThenStall)),
    ("twilio: slow", 8, |_| {
        let delay_milliseconds = SLOW.as_millis().try_into().unwrap();
        Fault::Twilio(vec![Twilio { delay_milliseconds, ..once(On::Create, Answer::Normal) }])
    }),
    ("look-up: 500", 6, |_| look_up(refuse(500, 20500))),
    ("look-up: hangs up", 6, |_| look_up(Answer::HangUp)),
    ("look-up: too many requests", 6, |_| look_up(Answer::RateLimited)),
    ("callbacks: doubled", 20, |_| callbacks(Callbacks { copies: Some(2), ..Default::default() })),
    ("callbacks: reversed", 20, |_| {
        callbacks(Callbacks { order: Order::Reversed, ..Default::default() })
    }),
    ("callbacks: three times and at once", 10, |_| {
        callbacks(Callbacks { order: Order::AtOnce, copies: Some(3), ..Default::default() })
    }),
    ("callbacks: before the answer", 10, |_| {
        callbacks(Callbacks { before_response: true, ..Default::default() })
    }),
    ("callbacks: lost", 10, |_| {
        callbacks(Callbacks { withheld: ALL.into(), ..Default::default() })
    }),
    ("carrier: never reports", 5, |_| end(End::Sent)),
    ("carrier: phone is off", 5, |_| end(End::Undelivered { error_code: 30003 })),
    ("carrier: fails", 5, |_| end(End::Failed { error_code: 30008 })),
    ("carrier: sender is blocked", 2, |_| end(End::Undelivered { error_code: 30004 })),
    ("carrier: landline", 2, |_| end(End::Undelivered { error_code: 30006 })),
    ("groq: empty reply", 4, |_| groq(GroqAnswer::EmptyReply)),
    ("groq: endless reply", 4, |_| groq(GroqAnswer::LongReply)),
    ("groq: foreign link", 4, |_| groq(GroqAnswer::ForeignLink)),
    ("groq: malformed reply", 4, |_| groq(GroqAnswer::MalformedReply)),
    ("groq: malformed response", 4, |_| groq(GroqAnswer::MalformedResponse)),
    ("groq: too many requests", 4, |_| groq(GroqAnswer::RateLimited { retry_after_seconds: 1 })),
    ("groq: 500", 4, |_| groq(GroqAnswer::InternalError)),
    ("groq: 503", 4, |_| groq(GroqAnswer::Unavailable)),
    ("groq: model retired", 4, |_| groq(GroqAnswer::Decommissioned)),
    ("groq: generation failed", 4, |_| groq(GroqAnswer::GenerationFailed)),
    ("groq: hangs up", 4, |_| groq(GroqAnswer::HangUp)),
    ("groq: keeps silent", 3, |_| groq(GroqAnswer::Stall)),
    ("supabase: a call is lost", 6, |random| call(random, Manner::HoldRequest)),
    ("supabase: an answer is lost", 6, |random| call(random, Manner::HoldResponse)),
    ("supabase: 503", 10, |random| call(random, Manner::Unavailable)),
    ("supabase: slow", 40, |random| {
        let delay = Duration::from_millis(200 + random.below(800) as u64);
        call(random, Manner::Delay(delay))
    }),
    ("webhook: delivered again", 60, |random| redelivery(random, 1)),
    ("webhook: five times more, at once", 20, |random| redelivery(random, 5)),
    ("killed: sms_inbound", 8, |_| Fault::Kill("sms_inbound")),
    ("killed: sms_status", 5, |_| Fault::Kill("sms_status")),
    ("killed: cron_deliver", 5, |_| Fault::Kill("cron_deliver")),
    ("crashed: postgres", 3, |_| Fault::PostgresCrash),
    ("all dead for 20 minutes", 6, |_| Fault::Leap),
    ("scheduler: came", 50, |_| Fault::Schedulers(1)),
    ("scheduler: came three times at once", 10, |_| Fault::Schedulers(3)),
];

const ALL: [Status; 5] =
    [Status::Sending, Status::Sent, Status::Delivered, Status::Undelivered, Status::Failed];

fn once(on: On, answer: Answer) -> Twilio {
    Twilio { requests: Some(1), on, answer, ..Default::default() }
}

fn create(answer: Answer) -> Fault {
    Fault::Twilio(vec![once(On::Create, answer)])
}

fn refuse(status: u16, code: u32) -> Answer {
    Answer::Refuse { status, code }
}

fn callbacks(callbacks: Callbacks) -> Fault {
    Fault::Twilio(vec![Twilio { callbacks, ..once(On::Create, Answer::Normal) }])
}

fn end(end: End) -> Fault {
    callbacks(Callbacks { end, ..Default::default() })
}

/// Only a look-up can tell what became of the text.
fn unsettled(answer: Answer) -> Twilio {
    let callbacks = Callbacks { withheld: ALL.into(), ..Default::default() };
    Twilio { callbacks, ..once(On::Create, answer) }
}

fn silently(answer: Answer) -> Fault {
    Fault::Twilio(vec![unsettled(answer)])
}

/// A text that has to be looked up, and what happens then.
fn look_up(answer: Answer) -> Fault {
    Fault::Twilio(vec![unsettled(Answer::AcceptThenFail), once(On::Lookup, answer)])
}

fn groq(answer: GroqAnswer) -> Fault {
    Fault::Groq(Groq { requests: Some(1), answer, ..Default::default() })
}

fn call(random: &mut Random, manner: Manner) -> Fault {
    const CALLS: [&str; 6] = [
        "receive_sms",
        "receive_sms",
        "queue_outbound",
        "settle_send",
        "apply_status",
        "claim_jobs texts",
    ];
    Fault::Call(CALLS[random.below(CALLS.len())], manner)
}

fn redelivery(random: &mut Random, times: u32) -> Fault {
    Fault::Redelivery { age: random.below(40), times, at_once: times > 1 }
}

/// How often each kind of fault happened.
#[derive(Debug, Default)]
pub(crate) struct Injected(BTreeMap<&'static str, u32>);

impl Injected {
    /// A fault of this kind was ordered.
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }

    /// This fault was ordered and never came about.
    pub(crate) fn take_back(&mut self, fault: &Fault) {
        let is_kind = |kind: &&Kind| match (fault, kind.2(&mut Random::new(0))) {
            (Fault::Call(_, Manner::Delay(_)), Fault::Call(_, Manner::Delay(_))) => true,
            (Fault::Call(_, manner), Fault::Call(_, of_kind)) => *manner == of_kind,
            (Fault::Twilio(left), Fault::Twilio(of_kind)) => left.last() == of_kind.last(),
            (fault, of_kind) => *fault == of_kind,
        };
        // What only leads to a look-up is no kind of its own.
        if let Some((name, ..)) = KINDS.iter().find(is_kind) {
            *self.0.get_mut(name).unwrap() -= 1;
        }
    }

    /// Panics if something never failed: then the run shows less than it says.
    pub(crate) fn assert_all_kinds(&self) {
        for (name, ..) in KINDS {
            assert!(self.0.get(name).is_some_and(|times| *times > 0), "never injected: {name}");
        }
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, times) in &self.0 {
            writeln!(f, "{times:>6}  {name}")?;
        }
        write!(f, "{:>6}  faults in all", self.0.values().sum::<u32>())
    }
}
