//! The calls the functions make, in the order they make them.
#![expect(clippy::indexing_slicing, reason = "where JSON has no member, its index is null")]

use std::{collections::HashMap, future::poll_fn};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls, Statement, error::DbError};
use trust::text::hex;

use super::{Extent, Time, WARM_UP};

/// The number of the seed's shop.
const SHOP: &str = "+15145550100";

/// How many jobs are due where some are: as many as `cron/deliver` claims at once.
pub(super) const CLAIMED: u32 = 16;

/// How many rows of a list an owner looks at.
pub(super) const LISTED: u32 = 10;

/// A call whose time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    KnownLead,
    Queue,
    Settle,
    NewStatus,
    NewLead,
    Duplicate,
    DigitsAtAnEdge,
    SecondHalf,
    Stop,
    OldStatus,
    LongConversation,
    QueueInLongConversation,
    ClaimNothing,
    Claim,
    List,
    ListFurther,
    ListUnanswered,
    ListFlagged,
    ListOptedOut,
    ReadConversation,
    ReadLongConversation,
    FindLeads,
}

/// All of them, in the order of their numbers.
pub(super) const MEASURED: [Measured; 22] = [
    Measured::KnownLead,
    Measured::Queue,
    Measured::Settle,
    Measured::NewStatus,
    Measured::NewLead,
    Measured::Duplicate,
    Measured::DigitsAtAnEdge,
    Measured::SecondHalf,
    Measured::Stop,
    Measured::OldStatus,
    Measured::LongConversation,
    Measured::QueueInLongConversation,
    Measured::ClaimNothing,
    Measured::Claim,
    Measured::List,
    Measured::ListFurther,
    Measured::ListUnanswered,
    Measured::ListFlagged,
    Measured::ListOptedOut,
    Measured::ReadConversation,
    Measured::ReadLongConversation,
    Measured::FindLeads,
];

impl Measured {
    /// The function, and what it is called with.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KnownLead => "receive_sms: a text from somebody known",
            Self::Queue => "queue_outbound: its answer",
            Self::Settle => "settle_send: Twilio took the answer",
            Self::NewStatus => "apply_status: the answer is delivered",
            Self::NewLead => "receive_sms: a text from somebody new",
            Self::Duplicate => "receive_sms: a text delivered twice",
            Self::DigitsAtAnEdge => "receive_sms: a text with digits at an edge",
            Self::SecondHalf => "receive_sms: the second half of a number",
            Self::Stop => "receive_sms: STOP",
            Self::OldStatus => "apply_status: a text of months ago is delivered",
            Self::LongConversation => "receive_sms: the longest conversation",
            Self::QueueInLongConversation => "queue_outbound: the longest conversation",
            Self::ClaimNothing => "claim_jobs: nothing is due",
            Self::Claim => "claim_jobs: 16 are due, 8 of them texts",
            Self::List => "list_conversations: all, 10 of them",
            Self::ListFurther => "list_conversations: the next 10",
            Self::ListUnanswered => "list_conversations: unanswered",
            Self::ListFlagged => "list_conversations: flagged",
            Self::ListOptedOut => "list_conversations: opted out",
            Self::ReadConversation => "read_conversation: ten texts",
            Self::ReadLongConversation => "read_conversation: the longest, 50 texts",
            Self::FindLeads => "list_leads: 10 by number",
        }
    }
}

/// Calls that are made in one transaction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Conversation,
    NewLead,
    Duplicate,
    DigitsAtAnEdge,
    SecondHalf,
    Stop,
    OldStatus,
    LongConversation,
    ClaimNothing,
    Claim,
    Owner,
}

/// All of them.
pub(super) const SCRIPTS: [Script; 11] = [
    Script::Conversation,
    Script::NewLead,
    Script::Duplicate,
    Script::DigitsAtAnEdge,
    Script::SecondHalf,
    Script::Stop,
    Script::OldStatus,
    Script::LongConversation,
    Script::ClaimNothing,
    Script::Claim,
    Script::Owner,
];

/// The functions that are called.
const FUNCTIONS: [&str; 8] = [
    "receive_sms",
    "queue_outbound",
    "settle_send",
    "apply_status",
    "claim_jobs",
    "list_conversations",
    "read_conversation",
    "list_leads",
];

/// Signs the owner of the seed's shop in, as PostgREST does with a token.
const SIGN_IN: &str = r#"
    insert into auth.sessions (id, user_id, created_at, updated_at)
    values (
      '0193a000-0000-7000-8000-00000000aaaa', '0193a000-0000-7000-8000-000000000001', now(), now()
    );
    set local request.jwt.claims = '{
      "sub": "0193a000-0000-7000-8000-000000000001",
      "session_id": "0193a000-0000-7000-8000-00000000aaaa",
      "role": "authenticated", "aal": "aal1"
    }';
    set local role authenticated;
"#;

/// Somebody a turn is about.
struct Subject {
    lead_id: String,
    phone: String,
    newest_inbound_sid: String,
    newest_outbound: String,
    newest_outbound_sid: String,
}

/// A filled database, on one connection.
pub(super) struct Database {
    client: Client,
    notices: UnboundedReceiver<DbError>,
    functions: HashMap<&'static str, Statement>,
    subjects: Vec<Subject>,
    /// The number of who has the longest conversation.
    longest: String,
    /// And the id.
    longest_id: String,
}

impl Database {
    /// Connects to the database at `url`, which has been filled to `extent`.
    pub(super) async fn open(url: &str, extent: Extent) -> Result<Self> {
        let (client, notices) = connect(url).await?;
        let mut functions = HashMap::new();
        for function in FUNCTIONS {
            let call = format!(
                "select public.{function}($1), \
                 extract(epoch from clock_timestamp() - statement_timestamp())::float8 * 1000000"
            );
            functions.insert(function, client.prepare(&call).await?);
        }
        let subjects = subjects(&client, extent).await?;
        let longest = phone(extent.leads);
        let lead = "select id::text from app.leads where phone = $1";
        let longest_id = client.query_one(lead, &[&longest]).await?.get(0);
        Ok(Self { client, notices, functions, subjects, longest, longest_id })
    }

    /// The connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What Postgres has told us since this was asked last.
    pub(super) fn notices(&mut self) -> Vec<DbError> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// Makes the calls of a script and takes all of them back.
    pub(super) async fn turn(&self, script: Script, number: u32) -> Result<Vec<Time>> {
        self.client.batch_execute("begin").await?;
        let mut turn = Turn { database: self, number, texts: 0, times: Vec::new() };
        turn.play(script).await.with_context(|| format!("{script:?}, turn {number}"))?;
        let times = turn.times;
        self.client.batch_execute("rollback").await?;
        Ok(times)
    }

    fn subject(&self, number: u32) -> Result<&Subject> {
        let index = number as usize % self.subjects.len().max(1);
        self.subjects.get(index).context("there is nobody to text with")
    }
}

/// Connects to the database at `url`, and passes on what Postgres says beside its answers.
pub(super) async fn connect(url: &str) -> Result<(Client, UnboundedReceiver<DbError>)> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let (sender, notices) = unbounded_channel();
    tokio::spawn(async move {
        // Whatever breaks the connection is an error of the client's calls as well.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                // Nobody listens any more once the database is closed.
                let _ = sender.send(notice);
            }
        }
    });
    Ok((client, notices))
}

/// People of the seed's shop, from all over the tables, one for each turn if there are
/// as many.
async fn subjects(client: &Client, extent: Extent) -> Result<Vec<Subject>> {
    // Every fourth has neither opted out nor is at another shop.
    let available = extent.leads.div_ceil(4);
    let wanted = (extent.turns + WARM_UP).max(CLAIMED).min(available);
    let mut subjects = Vec::new();
    for index in 0..wanted {
        let phone = phone(index * (available / wanted) * 4);
        let row = client
            .query_one(
                "select i.twilio_sid, o.id::text, o.twilio_sid, l.id::text
                 from app.leads l
                 join app.messages i on i.lead_id = l.id and i.direction = 'inbound'
                 join app.messages o on o.in_reply_to = i.id
                 where l.phone = $1 and l.business_id = (
                   select business_id from app.sender_numbers where phone = $2
                 )
                 order by i.id desc
                 limit 1",
                &[&phone, &SHOP],
            )
            .await
            .with_context(|| format!("{phone} is not there"))?;
        subjects.push(Subject {
            lead_id: row.get(3),
            phone,
            newest_inbound_sid: row.get(0),
            newest_outbound: row.get(1),
            newest_outbound_sid: row.get(2),
        });
    }
    Ok(subjects)
}

/// The phone number that `fill.sql` gives a person.
pub(super) fn phone(number: u32) -> String {
    format!("+1{}", 3_000_000_000 + u64::from(number))
}

/// A transaction.
struct Turn<'a> {
    database: &'a Database,
    number: u32,
    texts: u32,
    times: Vec<Time>,
}

impl Turn<'_> {
    async fn play(&mut self, script: Script) -> Result<()> {
        let subject = self.database.subject(self.number)?;
        match script {
            Script::Conversation => {
                let text = self.text(&subject.phone, json!({}));
                let received = self.time(Measured::KnownLead, "receive_sms", text).await?;
                let answer = answer(&received)?;
                let queued = self.time(Measured::Queue, "queue_outbound", answer).await?;
                let send = &queued["send"];
                let sid = self.sid();
                let accepted = json!({
                    "job_id": send["job_id"], "fencing_token": send["fencing_token"],
                    "result": "accepted", "twilio_sid": sid, "status": "queued",
                });
                let settled = self.time(Measured::Settle, "settle_send", accepted).await?;
                expect(&settled, "settled")?;
                let status = status(&send["message_id"], &sid);
                let applied = self.time(Measured::NewStatus, "apply_status", status).await?;
                expect(&applied, "applied")
            }
            Script::NewLead => {
                // No number in the database begins like this.
                let text = self.text(&format!("+19{:09}", self.number), json!({}));
                answer(&self.time(Measured::NewLead, "receive_sms", text).await?)?;
                Ok(())
            }
            Script::Duplicate => {
                let sid = json!({ "message_sid": subject.newest_inbound_sid });
                let text = self.text(&subject.phone, sid);
                let received = self.time(Measured::Duplicate, "receive_sms", text).await?;
                expect(&received, "duplicate")
            }
            Script::DigitsAtAnEdge => {
                let text = self.text(&subject.phone, digits());
                answer(&self.time(Measured::DigitsAtAnEdge, "receive_sms", text).await?)?;
                Ok(())
            }
            Script::SecondHalf => {
                let first = self.text(&subject.phone, digits());
                answer(&self.call("receive_sms", &first).await?.0)?;
                let second = self.text(&subject.phone, digits());
                let received = self.time(Measured::SecondHalf, "receive_sms", second).await?;
                expect(&received, "joins")
            }
            Script::Stop => {
                let stop = json!({
                    "body": "STOP", "meaning": "stop", "rule": "sent a keyword",
                    "is_answered_by_twilio": false,
                });
                let text = self.text(&subject.phone, stop);
                let received = self.time(Measured::Stop, "receive_sms", text).await?;
                ensure!(received["work"][0]["kind"] == "send", "no confirmation: {received}");
                Ok(())
            }
            Script::OldStatus => {
                let status = status(&json!(subject.newest_outbound), &subject.newest_outbound_sid);
                let applied = self.time(Measured::OldStatus, "apply_status", status).await?;
                expect(&applied, "applied")
            }
            Script::LongConversation => {
                let text = self.text(&self.database.longest, json!({}));
                let received = self.time(Measured::LongConversation, "receive_sms", text).await?;
                let answer = answer(&received)?;
                let measured = Measured::QueueInLongConversation;
                let queued = self.time(measured, "queue_outbound", answer).await?;
                ensure!(queued["send"].is_object(), "not to be sent: {queued}");
                Ok(())
            }
            Script::ClaimNothing => {
                let limit = json!({ "limit": CLAIMED });
                let claimed = self.time(Measured::ClaimNothing, "claim_jobs", limit).await?;
                ensure!(claimed["claimed"] == 0, "something is due: {claimed}");
                Ok(())
            }
            Script::Claim => {
                for index in 0..CLAIMED {
                    let subject = self.database.subject(self.number + index)?;
                    let text = self.text(&subject.phone, json!({}));
                    let received = self.call("receive_sms", &text).await?.0;
                    // Half of the answers are made, and wait to be sent.
                    if index % 2 == 0 {
                        self.call("queue_outbound", &answer(&received)?).await?;
                    }
                }
                self.database
                    .client
                    .batch_execute(
                        "update app.messages set attempted_at = null
                         where id in (
                           select message_id from app.jobs where state = 'open' and kind = 'send'
                         );
                         update app.jobs set run_at = now() - interval '1 minute'
                         where state = 'open' and kind in ('reply', 'send')",
                    )
                    .await?;
                let limit = json!({ "limit": CLAIMED });
                let claimed = self.time(Measured::Claim, "claim_jobs", limit).await?;
                let work = claimed["work"].as_array().map_or(0, Vec::len);
                ensure!(work == CLAIMED as usize, "only {work} jobs are to be done: {claimed}");
                Ok(())
            }
            Script::Owner => self.read_as_owner(&subject.lead_id).await,
        }
    }

    /// What an owner looks at.
    async fn read_as_owner(&mut self, lead_id: &str) -> Result<()> {
        self.database.client.batch_execute(SIGN_IN).await?;
        let list = "list_conversations";
        let all = json!({ "filter": "all", "limit": LISTED });
        let page = self.time(Measured::List, list, all).await?;
        let next = json!({ "filter": "all", "limit": LISTED, "before": page["next"] });
        let mut pages = vec![page, self.time(Measured::ListFurther, list, next).await?];
        for (measured, filter) in [
            (Measured::ListUnanswered, "unanswered"),
            (Measured::ListFlagged, "flagged"),
            (Measured::ListOptedOut, "opted_out"),
        ] {
            let request = json!({ "filter": filter, "limit": LISTED });
            pages.push(self.time(measured, list, request).await?);
        }
        let is_page =
            |page: &Value| page["conversations"].as_array().map(Vec::len) == Some(LISTED as usize);
        ensure!(pages.iter().all(is_page), "there is less to list than is asked for");
        for (measured, lead_id) in [
            (Measured::ReadConversation, lead_id),
            (Measured::ReadLongConversation, &self.database.longest_id),
        ] {
            let request = json!({ "lead_id": lead_id, "limit": 50 });
            self.time(measured, "read_conversation", request).await?;
        }
        let search = json!({ "search": { "phone": "+13" }, "limit": LISTED });
        self.time(Measured::FindLeads, "list_leads", search).await?;
        Ok(())
    }

    /// A text from `phone`, with some of its arguments changed.
    fn text(&mut self, phone: &str, changes: Value) -> Value {
        let mut text = text(phone, &self.sid());
        if let (Some(text), Value::Object(changes)) = (text.as_object_mut(), changes) {
            text.extend(changes);
        }
        text
    }

    /// A SID that is not in the database, random as Twilio's are.
    fn sid(&mut self) -> String {
        self.texts += 1;
        let digest = Sha256::digest(format!("{} {}", self.number, self.texts));
        format!("SM{}", hex::encode(digest.get(..16).unwrap_or_default()))
    }

    async fn call(&self, function: &str, request: &Value) -> Result<(Value, f64)> {
        let statement = self.database.functions.get(function);
        let statement = statement.ok_or_else(|| anyhow!("{function} is not prepared"))?;
        let row = self.database.client.query_one(statement, &[request]).await?;
        Ok((row.get(0), row.get(1)))
    }

    async fn time(&mut self, measured: Measured, function: &str, request: Value) -> Result<Value> {
        let (answer, microseconds) = self.call(function, &request).await?;
        self.times.push((measured, microseconds));
        Ok(answer)
    }
}

/// A text from `phone` to the seed's shop, as `sms/inbound` puts it.
pub(super) fn text(phone: &str, sid: &str) -> Value {
    json!({
        "message_sid": sid, "from": phone, "phone_hmac": hex::encode(&Sha256::digest(phone)), "to": SHOP,
        "body": "Hello, can you fix a flat tire today?", "media_count": 0, "masked_count": 0,
        "meaning": "text", "language": "en", "rule": null, "is_in_words": false,
        "is_answered_by_twilio": true, "may_join": false,
    })
}

/// What the assistant answers a text that was received.
fn answer(received: &Value) -> Result<Value> {
    let job = &received["work"][0];
    ensure!(job["kind"] == "reply", "no answer is owed: {received}");
    Ok(json!({
        "job_id": job["job_id"], "fencing_token": job["fencing_token"],
        "body": "Yes, flat tires need no appointment. See you!",
    }))
}

/// A text whose part of a number may be completed by another.
fn digits() -> Value {
    json!({ "body": "4242 4242", "may_join": true })
}

fn status(message: &Value, sid: &str) -> Value {
    json!({
        "message_id": message, "twilio_sid": sid, "status": "delivered",
        "fields": { "RawDlrDoneDate": "2611231500" },
    })
}

fn expect(answer: &Value, outcome: &str) -> Result<()> {
    ensure!(answer["outcome"] == outcome, "the outcome is not {outcome}: {answer}");
    Ok(())
}
