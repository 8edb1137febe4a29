//! What must be true when everything has settled, by the database's records and by
//! those of Twilio's simulator.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use simulators::twilio::message::{Author, Message};

use crate::support::{
    TestStack,
    history::{self, Seen, Text},
};

/// Texts to one lead that read the same, and how often each should have been and was sent.
type Alike = BTreeMap<(String, String), Vec<(usize, usize)>>;

/// The figures of a run that held.
pub(crate) struct Verdict {
    texts: usize,
    seen: Seen,
    /// What became of the answers leads were owed.
    fates: BTreeMap<String, usize>,
    sent: usize,
    /// Texts taken for others to the same lead that read the same.
    mixed_up: usize,
    overtaken: usize,
    /// Texts that were on their way when the lead said stop.
    under_way_at_stop: usize,
}

/// A text by the product, as the database has it.
struct Outbound {
    id: String,
    to: String,
    body: String,
    author: String,
    outcome: String,
}

/// Holds all records against each other, and panics where they differ.
pub(crate) async fn reach(
    stack: &TestStack,
    texts: &HashMap<String, Text>,
    sids: &[String],
) -> Verdict {
    let seen = history::check(&stack.database, texts).await;
    check_received(&seen, sids);
    check_jobs(stack).await;
    check_cap(stack).await;
    check_redacted(stack).await;
    let outbound = outbound(stack).await;
    let sent: Vec<Message> = stack.simulator().read(|world| {
        let messages = world.twilio.messages.iter();
        messages.filter(|message| message.author == Author::Product).cloned().collect()
    });
    Verdict {
        texts: sids.len(),
        fates: fates(stack).await,
        mixed_up: check_sent_once(&outbound, &sent),
        overtaken: overtaken(&seen, sids),
        under_way_at_stop: check_stops(stack, &outbound, &sent).await,
        sent: sent.len(),
        seen,
    }
}

/// Each text was taken in, once.
fn check_received(seen: &Seen, sids: &[String]) {
    let mut received: Vec<_> = seen.received.concat();
    received.sort_unstable();
    let mut sent = sids.to_vec();
    sent.sort_unstable();
    assert_eq!(received, sent);
}

/// How many texts were taken in before one that their lead had sent earlier.
fn overtaken(seen: &Seen, sids: &[String]) -> usize {
    let order: HashMap<_, _> = sids.iter().zip(0..).collect::<HashMap<&String, usize>>();
    let pairs = seen.received.iter().flat_map(|sids| sids.windows(2));
    pairs.filter(|pair| order[&pair[0]] > order[&pair[1]]).count()
}

/// Nothing is left to do, and nothing was given up. (Of `message_sent_twice` nothing is
/// asked: two equal texts that a look-up took for each other raise it too. Whether one was
/// really sent twice, the phones tell.)
async fn check_jobs(stack: &TestStack) {
    let left = "select coalesce(jsonb_agg(j), '[]') from app.jobs j where state <> 'done'";
    assert_eq!(stack.value(left).await, "[]");
}

/// No lead had more than ten answers of the assistant's in an hour.
async fn check_cap(stack: &TestStack) {
    let most = "select max(answers) from (
                  select count(*) over (
                    partition by lead_id order by created_at
                    range between interval '1 hour' preceding and current row
                  ) as answers
                  from app.messages where author = 'assistant' and status <> 'withheld'
                ) a";
    let most: u32 = stack.value(most).await.parse().unwrap();
    assert!(most <= 10, "{most} answers within an hour");
}

/// The card numbers are nowhere but on the phones.
async fn check_redacted(stack: &TestStack) {
    let is_card = |body: &str| body.contains("4111") || body.contains("5555");
    let bodies = stack.rows("select body from app.messages where author = 'lead'", &[]).await;
    assert!(!bodies.iter().any(|row| row.get::<_, &str>(0).contains("1111 1111")));
    assert!(!bodies.iter().any(|row| row.get::<_, &str>(0).contains("5555-5555")));
    stack.simulator().read(|world| {
        let mut texts = world.twilio.messages.iter();
        assert!(texts.all(|text| !is_card(&text.body) || text.is_redacted));
        let mut prompts = world.groq.requests.iter();
        assert!(prompts.all(|request| !request.body.to_string().contains("1111 1111")));
    });
}

/// What became of each answer that was owed when its text was taken in.
async fn fates(stack: &TestStack) -> BTreeMap<String, usize> {
    let fates = "select case reply.outcome when 'queued' then send.outcome else reply.outcome end,
                   count(*)::int
                 from app.jobs reply
                 left join app.messages m on m.in_reply_to = reply.message_id
                 left join app.jobs send on send.message_id = m.id and send.kind = 'send'
                 where reply.kind = 'reply'
                 group by 1";
    let fates: BTreeMap<String, usize> = stack
        .rows(fates, &[])
        .await
        .iter()
        .map(|row| (row.get(0), row.get::<_, i32>(1).try_into().unwrap()))
        .collect();
    for fate in fates.keys() {
        let lawful = ["accepted", "rejected", "refused_opted_out", "refused_cap"];
        assert!(lawful.contains(&fate.as_str()), "{fates:?}");
    }
    fates
}

async fn outbound(stack: &TestStack) -> Vec<Outbound> {
    let rows = "select m.id::text, l.phone::text, m.body, m.author, j.outcome
                from app.messages m
                join app.leads l on l.id = m.lead_id
                join app.jobs j on j.message_id = m.id and j.kind = 'send'
                where m.direction = 'outbound'";
    let rows = stack.rows(rows, &[]).await;
    let outbound = |row: &tokio_postgres::Row| Outbound {
        id: row.get(0),
        to: row.get(1),
        body: row.get(2),
        author: row.get(3),
        outcome: row.get(4),
    };
    rows.iter().map(outbound).collect()
}

/// Which of our texts Twilio was given: its callback names it.
fn id_of(message: &Message) -> &str {
    let query = message.status_callback.as_ref().and_then(|url| url.query());
    query.and_then(|query| query.strip_prefix("message=")).unwrap()
}

/// What the database says was sent reached the phone once, and nothing else did.
///
/// Texts that read the same cannot be told apart by a look-up, nor by who gets them: of
/// these as many must have been sent as there are. Returns how many were mixed up.
fn check_sent_once(outbound: &[Outbound], sent: &[Message]) -> usize {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for message in sent {
        *times.entry(id_of(message)).or_default() += 1;
    }
    let ids: BTreeSet<_> = outbound.iter().map(|text| text.id.as_str()).collect();
    assert!(times.keys().all(|id| ids.contains(id)), "Twilio has texts the database has not");

    let mut alike = Alike::new();
    for text in outbound {
        let owed = usize::from(text.outcome == "accepted");
        let was_sent = times.get(text.id.as_str()).copied().unwrap_or_default();
        alike.entry((text.to.clone(), text.body.clone())).or_default().push((owed, was_sent));
    }
    let mut mixed_up = 0;
    for ((to, body), texts) in &alike {
        let owed: usize = texts.iter().map(|(owed, _)| owed).sum();
        let was_sent: usize = texts.iter().map(|(_, was_sent)| was_sent).sum();
        assert_eq!(owed, was_sent, "{to} was owed {body:?} so often, and had it so often");
        mixed_up += texts.iter().filter(|(owed, was_sent)| owed < was_sent).count();
    }
    mixed_up
}

/// What a phone got after its stop had been committed was on its way by then: handed to
/// Twilio within the lease of a claim, which [`history`] knows to be older than the stop.
/// Returns how many there were.
async fn check_stops(stack: &TestStack, outbound: &[Outbound], sent: &[Message]) -> usize {
    let changes = "select l.phone::text, e.event = 'suppressed opted_out',
                     (extract(epoch from e.at) * 1000)::bigint
                   from observed.events e join app.leads l on l.id::text = e.lead_id
                   where e.event in ('suppressed opted_out', 'lifted opted_out')
                   order by e.id";
    let changes = stack.rows(changes, &[]).await;
    let mut of_phone: HashMap<&str, Vec<(bool, i64)>> = HashMap::new();
    for row in &changes {
        of_phone.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    let authors: HashMap<_, _> =
        outbound.iter().map(|text| (text.id.as_str(), text.author.as_str())).collect();
    let lease: i64 = 60_000;
    let mut under_way = 0;
    for message in sent.iter().filter(|message| authors[id_of(message)] != "system") {
        let at = message.created.as_millisecond();
        let changes = of_phone.get(message.to.as_str()).into_iter().flatten();
        if let Some((true, since)) = changes.rev().find(|(_, since)| *since < at) {
            assert!(
                at - since < lease,
                "{} was texted {} ms after its stop",
                message.to,
                at - since
            );
            under_way += 1;
        }
    }
    under_way
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>6}  texts of {} leads", self.texts, self.seen.received.len())?;
        writeln!(f, "{:>6}  texts taken in before an earlier one", self.overtaken)?;
        for (event, times) in &self.seen.events {
            writeln!(f, "{times:>6}  {event}")?;
        }
        for (fate, times) in &self.fates {
            writeln!(f, "{times:>6}  answers owed: {fate}")?;
        }
        writeln!(f, "{:>6}  texts on the phones, each once", self.sent)?;
        writeln!(
            f,
            "{:>6}  of these on their way when their lead stopped",
            self.under_way_at_stop
        )?;
        write!(f, "{:>6}  of these taken for another that reads the same", self.mixed_up)
    }
}
