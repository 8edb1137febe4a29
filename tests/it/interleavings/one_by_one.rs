//! Every order of the steps, one after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use tokio_postgres::Client;

use super::{
    Lead, answer, claim, id, make_fast, message_id, pass_a_lease, result, status, to_send,
};
use crate::support::{
    calls::call,
    history::{self, Meaning, Text},
    on_a_stack,
};

/// A step of one of those who take part. A text has come in and is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The lead opts out.
    Stop,
    /// The lead opts in again.
    Start,
    /// The function that took the text in has an answer, and queues it.
    Queue,
    /// It hands the answer to Twilio.
    Send,
    /// It records what became of that.
    Settle,
    /// All leases run out, and the scheduler claims what is due.
    Claim,
    /// It does what it claimed.
    Work,
    /// Twilio calls back about the answer.
    CallBack,
}

/// What becomes of the function's attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Twilio takes the text and says so.
    Accepted,
    /// Twilio takes the text, and its answer is lost.
    AnswerLost,
    /// The request is lost.
    RequestLost,
    /// Twilio asks to try again.
    Limited,
    /// Twilio refuses the text.
    Refused,
    /// Twilio says that the lead has opted out.
    OptedOut,
    /// The function dies before it sends.
    DiesBefore,
    /// The function dies when Twilio has the text.
    DiesAfter,
}

/// What becomes of the confirmation of the stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirmation {
    /// Twilio has given it.
    Twilios,
    /// It is sent.
    Sent,
    /// The function dies before it sends it.
    Unsent,
}

impl Fate {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::AnswerLost,
        Self::RequestLost,
        Self::Limited,
        Self::Refused,
        Self::OptedOut,
        Self::DiesBefore,
        Self::DiesAfter,
    ];

    fn reaches_twilio(self) -> bool {
        matches!(self, Self::Accepted | Self::AnswerLost | Self::DiesAfter)
    }

    /// All orders in which this fate can come about.
    fn orders(self) -> Vec<Vec<Step>> {
        use Step::{CallBack, Claim, Queue, Send, Settle, Start, Stop, Work};
        let function: &[Step] = match self {
            Self::DiesBefore => &[Queue],
            Self::DiesAfter => &[Queue, Send],
            _ => &[Queue, Send, Settle],
        };
        let callback: &[Step] = if self.reaches_twilio() { &[CallBack] } else { &[] };
        let mut orders = merge(&[&[Stop, Start], function, &[Claim, Work], callback]);
        let at = |order: &[Step], step| order.iter().position(|one| *one == step);
        orders.retain(|order| callback.is_empty() || at(order, Send) < at(order, CallBack));
        orders
    }
}

/// All orders of everybody's steps that leave each one's own in theirs.
fn merge(everybody: &[&[Step]]) -> Vec<Vec<Step>> {
    let mut orders = Vec::new();
    for (index, steps) in everybody.iter().enumerate() {
        let Some((first, rest)) = steps.split_first() else { continue };
        let mut others = everybody.to_vec();
        others[index] = rest;
        for mut order in merge(&others) {
            order.insert(0, *first);
            orders.push(order);
        }
    }
    if orders.is_empty() { vec![Vec::new()] } else { orders }
}

#[test]
fn promise_own_stop_every_order_of_a_stop_and_an_answer() {
    on_a_stack(async |stack| {
        make_fast(&stack.database).await;
        history::observe(&stack.database).await;
        let mut twilio = BTreeMap::new();
        let mut texts = HashMap::new();
        let mut cases = 0;
        let confirmed_by_us =
            [Confirmation::Sent, Confirmation::Unsent].into_iter().flat_map(|confirmation| {
                [(Fate::RequestLost, confirmation), (Fate::Limited, confirmation)]
            });
        let fates = Fate::ALL.map(|fate| (fate, Confirmation::Twilios));
        for (fate, confirmation) in fates.into_iter().chain(confirmed_by_us) {
            for order in fate.orders() {
                cases += 1;
                let case = Case {
                    database: &stack.database,
                    told: format!("{fate:?}, confirmation: {confirmation:?}, {order:?}"),
                    lead: Lead(cases),
                    fate,
                    confirmation,
                    texts: &mut texts,
                    twilio: &mut twilio,
                    is_opted_out: false,
                    is_waiting: None,
                    is_sending: None,
                    claimed: Vec::new(),
                    is_called_back: false,
                    lost: BTreeSet::new(),
                };
                case.run(&order).await;
            }
        }

        let seen = history::check(&stack.database, &texts).await;
        assert_eq!(stack.value("select count(*) from app.jobs where state <> 'done'").await, "0");
        // What the database says Twilio has is what it has.
        let accepted =
            "select m.id::text from app.messages m join app.jobs j on j.message_id = m.id
                        where j.kind = 'send' and j.outcome = 'accepted'";
        let accepted = stack.rows(accepted, &[]).await;
        let accepted: BTreeSet<&str> = accepted.iter().map(|row| row.get(0)).collect();
        let has: BTreeSet<&str> = twilio.keys().map(String::as_str).collect();
        assert_eq!(accepted, has);
        println!("{cases} interleavings, {} texts sent, {:?}", has.len(), seen.events);
        // One side that always wins would show nothing.
        assert!(seen.count("refused_opted_out") > 500 && seen.count("claimed assistant") > 500);
    });
}

/// One order, with a lead of its own.
struct Case<'a> {
    database: &'a Client,
    told: String,
    lead: Lead,
    fate: Fate,
    confirmation: Confirmation,
    texts: &'a mut HashMap<String, Text>,
    /// The texts Twilio has, and of whom.
    twilio: &'a mut BTreeMap<String, Lead>,
    is_opted_out: bool,
    /// The function's reply job, until its answer is queued.
    is_waiting: Option<Value>,
    /// The function's answer, once it is queued.
    is_sending: Option<Value>,
    /// What the scheduler has claimed.
    claimed: Vec<Value>,
    /// Whether Twilio has called back about the answer.
    is_called_back: bool,
    /// The jobs the scheduler has ever claimed: the function has lost its lease on them.
    lost: BTreeSet<String>,
}

impl Case<'_> {
    async fn run(mut self, order: &[Step]) {
        let received = self.receive(1, Meaning::Text, false).await;
        self.is_waiting = Some(received["work"][0].clone());
        for step in order {
            self.take(*step).await;
        }
        // Whatever is left, schedulers finish.
        self.take(Step::Work).await;
        self.take(Step::Claim).await;
        while !self.claimed.is_empty() {
            self.take(Step::Work).await;
            self.take(Step::Claim).await;
        }
        self.check_next_text().await;
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Stop => {
                let is_twilios = self.confirmation == Confirmation::Twilios;
                let received = self.receive(2, Meaning::Stop, is_twilios).await;
                let confirmation = to_send(&received);
                let is_owed = !is_twilios && !self.is_opted_out;
                assert_eq!(confirmation.len(), usize::from(is_owed), "{}", self.told);
                for send in &confirmation {
                    if self.confirmation == Confirmation::Sent {
                        self.send(send).await;
                    }
                }
                self.is_opted_out = true;
            }
            Step::Start => {
                self.receive(3, Meaning::Start, true).await;
                self.is_opted_out = false;
            }
            Step::Queue => {
                let job = self.is_waiting.take().unwrap();
                let queued = call(self.database, "queue_outbound", answer(&job)).await;
                let is_stale = queued["outcome"] == "stale";
                assert_eq!(is_stale, self.lost.contains(id(&job)), "{}: {queued}", self.told);
                self.is_sending = self.judge(&queued);
            }
            Step::Send => {
                if let Some(send) = self.is_sending.clone()
                    && self.fate.reaches_twilio()
                {
                    self.hand_over(&send);
                }
            }
            Step::Settle => {
                if let Some(send) = self.is_sending.clone() {
                    self.settle(&send).await;
                }
            }
            Step::Claim => {
                pass_a_lease(self.database).await;
                let answer = claim(self.database).await;
                self.check_may_send(&answer);
                self.claimed = answer["work"].as_array().unwrap().clone();
                self.lost.extend(self.claimed.iter().map(|job| id(job).to_owned()));
            }
            Step::Work => {
                for job in std::mem::take(&mut self.claimed) {
                    self.work(&job).await;
                }
            }
            Step::CallBack => {
                if let Some(send) = &self.is_sending {
                    let request = status(message_id(send), "delivered");
                    let applied = call(self.database, "apply_status", request).await;
                    assert_eq!(applied["outcome"], "applied", "{}", self.told);
                    self.is_called_back = true;
                }
            }
        }
    }

    async fn receive(&mut self, number: u32, meaning: Meaning, by_twilio: bool) -> Value {
        let text = Text { meaning, is_answered_by_twilio: by_twilio };
        self.texts.insert(self.lead.sid(number), text);
        call(self.database, "receive_sms", self.lead.text(number, text)).await
    }

    async fn queue(&self, job: &Value) -> Option<Value> {
        let queued = call(self.database, "queue_outbound", answer(job)).await;
        self.judge(&queued)
    }

    /// The gate lets an answer out exactly while the lead has not opted out.
    fn judge(&self, queued: &Value) -> Option<Value> {
        self.check_may_send(queued);
        if queued["outcome"] == "refused" {
            assert!(self.is_opted_out, "{}: {queued}", self.told);
        }
        to_send(queued).pop()
    }

    /// Nothing that may be sent comes from a transaction after the stop.
    fn check_may_send(&self, answer: &Value) {
        let may_send = to_send(answer);
        assert!(may_send.is_empty() || !self.is_opted_out, "{}: {answer}", self.told);
    }

    /// Twilio gets a text. It cannot tell one it had before.
    fn hand_over(&mut self, send: &Value) {
        let was_there = self.twilio.insert(message_id(send).to_owned(), self.lead);
        assert!(was_there.is_none(), "{}: sent twice", self.told);
    }

    async fn send(&mut self, send: &Value) {
        self.hand_over(send);
        let settled = call(self.database, "settle_send", result(send, "accepted")).await;
        assert_eq!(settled["outcome"], "settled", "{}", self.told);
    }

    /// What the function records of its attempt.
    async fn settle(&mut self, send: &Value) {
        let mut request = match self.fate {
            Fate::Accepted => result(send, "accepted"),
            Fate::AnswerLost | Fate::RequestLost => result(send, "unknown"),
            Fate::Limited => result(send, "not_sent"),
            Fate::Refused | Fate::OptedOut => result(send, "rejected"),
            Fate::DiesBefore | Fate::DiesAfter => return,
        };
        if self.fate == Fate::OptedOut {
            request["policy"] = "opted_out".into();
        }
        let settled = call(self.database, "settle_send", request).await;
        // That Twilio has the text is a fact, whoever brings it; the rest is the holder's,
        // until a callback has ended the job.
        let is_held = !self.lost.contains(id(send)) && !self.is_called_back;
        let is_settled = settled["outcome"] == "settled";
        assert_eq!(is_settled, self.fate == Fate::Accepted || is_held, "{}", self.told);
        self.is_opted_out |= self.fate == Fate::OptedOut && is_settled;
    }

    /// What the scheduler does with a job.
    async fn work(&mut self, job: &Value) {
        match job["kind"].as_str().unwrap() {
            "reply" => {
                if let Some(send) = self.queue(job).await {
                    self.send(&send).await;
                }
            }
            "send" => self.send(job).await,
            "look_up" => {
                let is_there = self.twilio.contains_key(message_id(job));
                let found = result(job, if is_there { "accepted" } else { "not_found" });
                call(self.database, "settle_send", found).await;
            }
            kind => panic!("{}: {kind}", self.told),
        }
    }

    /// After START the lead is answered again, and before that not.
    async fn check_next_text(&mut self) {
        let received = self.receive(4, Meaning::Text, false).await;
        let Some(job) = received["work"].get(0) else {
            assert!(self.is_opted_out, "{}: not answered", self.told);
            return;
        };
        assert!(!self.is_opted_out, "{}: {received}", self.told);
        let send = self.queue(job).await.unwrap();
        self.hand_over(&send);
        let request = status(message_id(&send), "sent");
        let applied = call(self.database, "apply_status", request).await;
        assert_eq!(applied["outcome"], "applied", "{}", self.told);
    }
}
