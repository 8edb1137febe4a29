//! What happened to each lead, in the order Postgres let it happen, and a model of
//! what may happen.
//!
//! Triggers in the test's own database number every change while its transaction
//! holds the lead's lock. So the numbers of one lead's changes tell the order its
//! transactions committed in, and the changes of one transaction stand together:
//! a claim numbered after a stop was let through after the stop.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Client;

/// The triggers. They see what the product's own functions do, and change nothing.
const OBSERVER: &str = "
    create schema observed;
    create table observed.events (
      id bigint generated always as identity primary key,
      lead_id text not null,
      message_id text,
      event text not null,
      at timestamptz not null default clock_timestamp()
    );
    create table observed.statuses (was text not null, became text not null);

    create function observed.message() returns trigger
    language plpgsql security definer set search_path = '' as $$
    declare
      v_claimed boolean := new.attempted_at is not null;
    begin
      if tg_op = 'UPDATE' then
        v_claimed := v_claimed and new.attempted_at is distinct from old.attempted_at;
        if new.status <> old.status then
          insert into observed.statuses values (old.status, new.status);
        end if;
      end if;
      insert into observed.events (lead_id, message_id, event)
      select new.lead_id, new.id, case new.direction when 'inbound' then 'received' else 'claimed ' || new.author end
      where v_claimed or tg_op = 'INSERT' and new.direction = 'inbound';
      return null;
    end $$;
    create trigger observed after insert or update on app.messages
    for each row execute function observed.message();

    create function observed.suppression() returns trigger
    language plpgsql security definer set search_path = '' as $$
    declare
      v_row app.suppressions := case tg_op when 'DELETE' then old else new end;
    begin
      insert into observed.events (lead_id, event)
      select id, case tg_op when 'DELETE' then 'lifted ' else 'suppressed ' end || v_row.reason
      from app.leads where phone_hmac = v_row.phone_hmac;
      return null;
    end $$;
    create trigger observed after insert or update or delete on app.suppressions
    for each row execute function observed.suppression();

    create function observed.consent() returns trigger
    language plpgsql security definer set search_path = '' as $$
    begin
      insert into observed.events (lead_id, message_id, event)
      values (new.lead_id, new.message_id, concat_ws(' ', 'consent', new.change, new.basis, 'by', new.source));
      return null;
    end $$;
    create trigger observed after insert on app.consent_events
    for each row execute function observed.consent();

    create function observed.job() returns trigger
    language plpgsql security definer set search_path = '' as $$
    begin
      insert into observed.events (lead_id, message_id, event)
      select m.lead_id, m.id, case tg_op when 'INSERT' then 'owed reply' else new.outcome end
      from app.messages m
      where m.id = new.message_id
        and (tg_op = 'INSERT' and new.kind = 'reply'
          or tg_op = 'UPDATE' and old.state = 'open' and new.outcome like 'refused%');
      return null;
    end $$;
    create trigger observed after insert or update on app.jobs
    for each row execute function observed.job();
";

/// A message only ever moves to the right.
const LADDER: [&str; 10] = [
    "pending",
    "withheld",
    "accepted",
    "queued",
    "sending",
    "sent",
    "failed",
    "undelivered",
    "delivered",
    "read",
];

/// What a text means, and whether Twilio has answered it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) meaning: Meaning,
    pub(crate) is_answered_by_twilio: bool,
}

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Stop,
    Start,
    Yes,
    Help,
    Text,
}

/// What was seen in a history that held.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often each event happened, by its name.
    pub(crate) events: BTreeMap<String, usize>,
    /// For each lead the SIDs of its texts, in the order they were taken in.
    pub(crate) received: Vec<Vec<String>>,
}

impl Seen {
    /// How often events whose name begins so happened.
    pub(crate) fn count(&self, event: &str) -> usize {
        let events = self.events.iter().filter(|(name, _)| name.starts_with(event));
        events.map(|(_, count)| count).sum()
    }
}

/// Begins to watch. Nothing may have happened in the database yet.
pub(crate) async fn observe(database: &Client) {
    database.batch_execute(OBSERVER).await.unwrap();
}

/// Holds all that happened against the model, and panics where they differ.
///
/// `texts` are the texts that were sent, by their SIDs.
pub(crate) async fn check(database: &Client, texts: &HashMap<String, Text>) -> Seen {
    let rows = database
        .query(
            "select e.lead_id, e.message_id, e.event, m.twilio_sid, m.in_reply_to::text
             from observed.events e left join app.messages m on m.id::text = e.message_id
             order by e.lead_id, e.id",
            &[],
        )
        .await
        .unwrap();
    let events: Vec<Event> = rows
        .iter()
        .map(|row| Event {
            lead: row.get(0),
            message: row.get(1),
            name: row.get(2),
            sid: row.get(3),
            in_reply_to: row.get(4),
        })
        .collect();

    let mut seen = Seen::default();
    let mut suppressed = Vec::new();
    for history in events.chunk_by(|one, other| one.lead == other.lead) {
        let mut lead = Lead::default();
        seen.received.push(Vec::new());
        if let Err(fault) = lead.live(history, texts, &mut seen) {
            panic!("{fault} in {history:#?}");
        }
        suppressed.extend(lead.suppression().map(|reason| (history[0].lead.clone(), reason)));
    }

    let rows = "select l.id::text, s.reason
                from app.suppressions s join app.leads l using (phone_hmac) order by 1";
    let rows = database.query(rows, &[]).await.unwrap();
    let rows: Vec<(String, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(rows, suppressed, "the suppressions are not what the leads said");
    check_statuses(database).await;
    seen
}

/// Panics if a status ever went down.
async fn check_statuses(database: &Client) {
    let moves = "select distinct was, became from observed.statuses";
    for row in database.query(moves, &[]).await.unwrap() {
        let (was, became): (&str, &str) = (row.get(0), row.get(1));
        let step = |status| LADDER.iter().position(|known| *known == status).unwrap();
        assert!(step(was) < step(became), "a text went from {was} to {became}");
    }
}

/// One change, as the triggers name it.
#[derive(Debug)]
struct Event {
    lead: String,
    message: Option<String>,
    name: String,
    sid: Option<String>,
    in_reply_to: Option<String>,
}

/// A lead, as the model has it.
#[derive(Debug, Default)]
struct Lead {
    has_consented: bool,
    is_opted_out: bool,
    is_unreachable: bool,
}

impl Lead {
    /// Why the lead may not be texted.
    fn suppression(&self) -> Option<&'static str> {
        let unreachable = self.is_unreachable.then_some("unreachable");
        if self.is_opted_out { Some("opted_out") } else { unreachable }
    }

    /// Goes through a whole history.
    fn live(
        &mut self,
        history: &[Event],
        texts: &HashMap<String, Text>,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let mut left = history;
        while let Some((event, after)) = left.split_first() {
            let told = || format!("after {} events: {event:?}", history.len() - after.len());
            let predicted = match event.name.as_str() {
                "received" => {
                    let sid = event.sid.clone().unwrap_or_default();
                    let text = texts.get(&sid).ok_or_else(|| format!("{sid} was never sent"))?;
                    seen.received.last_mut().into_iter().for_each(|sids| sids.push(sid.clone()));
                    self.receive(*text)
                }
                "suppressed opted_out" if !self.is_opted_out => {
                    *self = Self { is_opted_out: true, ..Self::default() };
                    vec!["consent withdrawn by provider"]
                }
                "suppressed unreachable" if self.suppression().is_none() => {
                    self.is_unreachable = true;
                    Vec::new()
                }
                "refused_opted_out" if self.suppression().is_some() => Vec::new(),
                "refused_cap" => Vec::new(),
                claim if claim.starts_with("claimed") && self.suppression().is_none() => Vec::new(),
                _ => return Err(format!("this may not happen {}", told())),
            };
            // In the same transaction, so about the same text.
            let is_of = |change: &Event| {
                let about = [&change.message, &change.in_reply_to];
                [&event.message, &change.message].contains(&&None)
                    || about.contains(&&event.message)
            };
            let as_predicted = |(change, name): &(&Event, &&str)| change.name == **name;
            let followed = after.iter().zip(&predicted).take_while(as_predicted);
            if followed.filter(|(change, _)| is_of(change)).count() < predicted.len() {
                return Err(format!("{predicted:?} should follow {}", told()));
            }
            for event in &left[..=predicted.len()] {
                *seen.events.entry(event.name.clone()).or_default() += 1;
            }
            left = &after[predicted.len()..];
        }
        Ok(())
    }

    /// What a text changes in the transaction that takes it in.
    fn receive(&mut self, text: Text) -> Vec<&'static str> {
        let mut changes = Vec::new();
        // Who texts can be reached.
        if std::mem::take(&mut self.is_unreachable) {
            changes.push("lifted unreachable");
        }
        let meaning = match text.meaning {
            Meaning::Yes if self.is_opted_out => Meaning::Start,
            Meaning::Yes => Meaning::Text,
            meaning => meaning,
        };
        match meaning {
            Meaning::Stop => {
                let is_new_stop = !std::mem::replace(&mut self.is_opted_out, true);
                // The one confirmation: the only claim that stands right before a stop.
                if is_new_stop && !text.is_answered_by_twilio {
                    changes.push("claimed system");
                }
                if is_new_stop {
                    self.has_consented = false;
                    changes.extend(["suppressed opted_out", "consent withdrawn by text"]);
                }
            }
            Meaning::Start => {
                if std::mem::take(&mut self.is_opted_out) {
                    changes.push("lifted opted_out");
                }
                self.has_consented = true;
                changes.push("consent granted express by text");
                if !text.is_answered_by_twilio {
                    changes.push("claimed system");
                }
            }
            Meaning::Help | Meaning::Text | Meaning::Yes => {
                if self.is_opted_out {
                    return changes;
                }
                if meaning == Meaning::Help && !text.is_answered_by_twilio {
                    changes.push("claimed system");
                }
                // One that comes soon after another adds nothing.
                if !std::mem::replace(&mut self.has_consented, true) {
                    changes.push("consent granted implied_inquiry by text");
                }
                if meaning == Meaning::Text {
                    changes.push("owed reply");
                }
            }
        }
        changes
    }
}
