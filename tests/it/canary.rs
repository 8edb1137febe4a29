//! A card number, a phone number and a text that are found nowhere but where they belong.
//!
//! Searched are every column of every table of every schema, as the catalog lists them;
//! all that the simulators recorded; all that the functions, Postgres and Supabase's API
//! printed; and every answer. What is found must be exactly what is expected, so a search
//! that finds nothing fails.

use std::collections::BTreeSet;

use leadslock::owner::{conversations::Filter, leads::LeadForm, texting::OwnerText};
use simulators::{
    conversation::Until,
    groq::behaviour::{Answer as GroqAnswer, Behaviour as Groq},
    twilio::{
        behaviour::{Answer, Behaviour, Callbacks},
        message::{Author, Status},
    },
};
use trust::{signatures, text::hex};

use crate::support::{LEAD, SHOP, TestStack, interceptor::Manner, on_a_stack};

const PHONE: &str = "+15145550187";
const CARD: &str = "4539 5787 6362 1486";
const WORD: &str = "Quokkazanzibar";
/// What the owner knows the lead as.
const NAME: &str = "Bartholomewyn";

/// The number of a shop of another account.
const OTHER_SHOP: &str = "+15145550101";
const OTHER_NAME: &str = "Plateau Bakery";

/// What is looked for.
#[derive(Clone, Copy)]
enum Canary {
    /// These digits, whatever stands between them.
    Digits(&'static str),
    /// This word, in any case.
    Word(&'static str),
}

impl Canary {
    fn is_in(self, value: &str) -> bool {
        let (value, wanted) = match self {
            Self::Digits(digits) => {
                let only = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
                let (value, wanted): (String, String) = (only(value), only(digits));
                // A phone number may stand without its country.
                let national = wanted.strip_prefix('1').map(str::to_owned);
                (value, national.unwrap_or(wanted))
            }
            Self::Word(word) => (value.to_lowercase(), word.to_lowercase()),
        };
        value.contains(&wanted)
    }

    /// The same in a `bytea`, as Postgres shows it.
    fn is_in_hex(self, value: &str) -> bool {
        let Some(digits) = value.strip_prefix("\\x") else { return false };
        hex::decode(digits).is_some_and(|bytes| self.is_in(&String::from_utf8_lossy(&bytes)))
    }
}

/// Everything that is on record somewhere: where, and what.
struct Records(Vec<(String, String)>);

impl Records {
    async fn read(stack: &TestStack, answers: &[String]) -> Self {
        let mut records = Self(Vec::new());
        records.read_tables(stack).await;
        records.read_logs(stack).await;
        records.read_simulators(stack);
        for answer in answers {
            records.add("answers", answer);
        }
        records
    }

    fn add(&mut self, place: impl Into<String>, value: impl Into<String>) {
        self.0.push((place.into(), value.into()));
    }

    /// Where `canary` is.
    fn places(&self, canary: Canary) -> BTreeSet<&str> {
        let found =
            self.0.iter().filter(|(_, value)| canary.is_in(value) || canary.is_in_hex(value));
        found.map(|(place, _)| place.as_str()).collect()
    }

    /// Every column there is, the system's own included.
    async fn read_tables(&mut self, stack: &TestStack) {
        let tables = "select format('%s.%s', n.nspname, c.relname),
                        array_agg(a.attname::text order by a.attnum),
                        format('select array[%s] from %I.%I',
                               string_agg(format('%I::text', a.attname), ', ' order by a.attnum),
                               n.nspname, c.relname)
                      from pg_catalog.pg_class c
                      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                      join pg_catalog.pg_attribute a on a.attrelid = c.oid
                      where c.relkind in ('r', 'm') and a.attnum > 0 and not a.attisdropped
                      group by n.nspname, c.relname";
        for table in stack.rows(tables, &[]).await {
            let (name, columns): (&str, Vec<&str>) = (table.get(0), table.get(1));
            for row in stack.rows(table.get::<_, &str>(2), &[]).await {
                let values: Vec<Option<String>> = row.get(0);
                for (column, value) in columns.iter().zip(values) {
                    self.add(format!("{name}.{column}"), value.unwrap_or_default());
                }
            }
        }
    }

    /// What the functions printed, and Postgres and Supabase's API beside them.
    async fn read_logs(&mut self, stack: &TestStack) {
        for line in stack.edge().log().lines() {
            self.add(format!("log of {}", line.source), line.text);
        }
        let folder = "select current_setting('data_directory') || '/..'";
        let folder = stack.value(folder).await;
        let gateway = "select 'companions/gateway-' || current_database() || '.log'";
        for file in ["server.log", &stack.value(gateway).await] {
            let text = stack.value(&format!("select pg_read_file('{folder}/{file}')")).await;
            self.add("logs of Supabase", text);
        }
    }

    fn read_simulators(&mut self, stack: &TestStack) {
        stack.simulator().read(|world| {
            for message in world.twilio.messages.iter() {
                let place = match message.author {
                    Author::Phone => "the phone's texts",
                    Author::Product | Author::Twiml | Author::Twilio => "texts to the phone",
                };
                self.add(place, &message.body);
                self.add("numbers at Twilio", format!("{}\n{}", message.from, message.to));
            }
            for delivery in world.twilio.deliveries.iter() {
                let fields = form_urlencoded::parse(delivery.call.form.as_bytes());
                for (name, value) in fields {
                    self.add(format!("webhooks: {name}"), value);
                }
                self.add("webhooks: the URL", delivery.call.url.as_str());
                for attempt in &delivery.attempts {
                    self.add("answers", format!("{:?}", attempt.outcome));
                }
            }
            for request in world.twilio.requests.iter() {
                let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                self.add("requests to Twilio: the path", path);
                for (name, value) in form_urlencoded::parse(query.as_bytes()) {
                    self.add(format!("look-ups at Twilio: {name}"), value);
                }
                for (name, value) in &request.fields {
                    self.add(format!("requests to Twilio: {name}"), value);
                }
            }
            for request in world.groq.requests.iter() {
                let body = request.body.to_string();
                let shop = if body.contains(OTHER_NAME) { "another shop's" } else { "the shop's" };
                self.add(format!("{shop} prompts"), body);
            }
        });
    }
}

#[test]
fn promise_cards_never_and_no_personal_data_where_it_does_not_belong() {
    on_a_stack(async |stack| {
        let shop = stack.shop(OTHER_NAME).owned_by("baker@example.com").with_number(OTHER_SHOP);
        shop.subscribed("active").open().await;
        let mut answers = Vec::new();
        let sid = live_through_everything(stack).await;
        be_looked_after(stack).await;
        refuse_everything(stack, &sid, &mut answers).await;

        let records = Records::read(stack, &answers).await;
        let phones = ["the phone's texts", "webhooks: Body"];
        check(&records, Canary::Digits(CARD), &phones);
        check(
            &records,
            Canary::Word(WORD),
            &[
                &phones[..],
                &["app.messages.body", "app.consent_events.wording", "the shop's prompts"],
            ]
            .concat(),
        );
        // Models know a name by a placeholder.
        check(
            &records,
            Canary::Word(NAME),
            &[
                "app.leads.name",
                "app.leads.name_key",
                "app.leads.email",
                "app.leads.notes",
                "app.messages.body",
                "requests to Twilio: Body",
                "texts to the phone",
            ],
        );
        check(
            &records,
            Canary::Digits(PHONE),
            &[
                "app.leads.phone",
                // The lead wrote it, too.
                "app.messages.body",
                "the phone's texts",
                "webhooks: Body",
                "numbers at Twilio",
                "webhooks: From",
                "webhooks: To",
                "requests to Twilio: To",
                "look-ups at Twilio: To",
            ],
        );

        check_the_search(stack, &sid).await;
    });
}

#[track_caller]
fn check(records: &Records, canary: Canary, want: &[&str]) {
    assert_eq!(records.places(canary), BTreeSet::from_iter(want.iter().copied()));
}

/// What is planted is found, in every kind of column, in logs and in answers.
async fn check_the_search(stack: &TestStack, sid: &str) {
    stack
        .database
        .batch_execute(&format!(
            "create schema planted;
             create table planted.notes (json jsonb, bytes bytea, list text[], number numeric);
             insert into planted.notes values (
               '{{\"deep\": [{{\"in\": \"a {WORD}\"}}]}}', convert_to('{CARD}', 'UTF8'),
               array['x', '{PHONE}'], {number});
             update app.jobs set outcome = 'call 514-555-0187'
             where id = (select id from app.jobs order by id limit 1);",
            number = CARD.replace(' ', ""),
        ))
        .await
        .unwrap();
    let records = Records::read(stack, &[format!("your number {PHONE} is refused")]).await;
    let planted = |canary, places: &[&str]| {
        let found = records.places(canary);
        for place in places {
            assert!(found.contains(place), "not found where it was planted: {place}");
        }
    };
    planted(Canary::Word(WORD), &["planted.notes.json"]);
    planted(Canary::Digits(CARD), &["planted.notes.bytes", "planted.notes.number"]);
    planted(Canary::Digits(PHONE), &["planted.notes.list", "app.jobs.outcome", "answers"]);
    // What does stand in logs and answers.
    let named: Vec<&str> =
        ["log of sms_inbound", "log of sms_status", "logs of Supabase", "answers"]
            .into_iter()
            .filter(|place| records.0.iter().any(|(of, value)| of == place && !value.is_empty()))
            .collect();
    assert_eq!(named.len(), 4, "{named:?}");
    let log = records.0.iter().filter(|(place, _)| place == "log of sms_inbound");
    assert!(log.clone().any(|(_, line)| line.contains(sid)), "the text is not in the log");
}

/// The canaries go through all that can happen to a text. Returns the first one's SID.
async fn live_through_everything(stack: &TestStack) -> String {
    let text = |from: &str, to: &str, body: &str| stack.simulator().text(from, to, body).unwrap();
    let wait = async |from: &str, to: &str, until| {
        let patience = crate::support::PATIENCE;
        stack.simulator().wait_until(from, to, until, patience).await.unwrap();
    };

    // Groq refuses, and the answer is on the phone before the database knows.
    stack.set_groq([Groq {
        requests: Some(1),
        answer: GroqAnswer::InternalError,
        ..Default::default()
    }]);
    let sid = text(PHONE, SHOP, &format!("Hi, {WORD} here, my card is {CARD}, call {PHONE}"));
    wait(PHONE, SHOP, Until::Delivered).await;
    stack.wait_for_value("select count(*) from app.jobs where outcome = 'redacted'", "1").await;

    // The function dies, the scheduler looks the text up, and Twilio has it.
    stack.set_twilio([Behaviour {
        requests: Some(1),
        answer: Answer::AcceptThenHangUp,
        callbacks: Callbacks {
            withheld: vec![Status::Sending, Status::Sent, Status::Delivered],
            ..Default::default()
        },
        ..Default::default()
    }]);
    stack.interceptor.set("settle_send", Manner::HoldRequest);
    text(PHONE, SHOP, &format!("And what does {WORD} cost?"));
    stack.interceptor.wait_for_calls("settle_send", 2).await;
    stack.kill("sms_inbound").await;
    stack.interceptor.clear();
    stack.run_scheduler_later().await;
    stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;

    // Refused by the number's own wish, in words, and taken back.
    text(PHONE, SHOP, &format!("Please stop texting me, {WORD} has moved away"));
    wait(PHONE, SHOP, Until::Settled).await;
    text(PHONE, SHOP, &format!("{WORD}?"));
    wait(PHONE, SHOP, Until::Settled).await;
    text(PHONE, SHOP, "START");
    wait(PHONE, SHOP, Until::Settled).await;

    // Twilio refuses the number, and says so.
    stack.set_twilio([Behaviour {
        requests: Some(1),
        answer: Answer::Refuse { status: 400, code: 21211 },
        ..Default::default()
    }]);
    text(PHONE, SHOP, &format!("{WORD} again"));
    stack.wait_for_value("select count(*) from app.jobs where outcome = 'rejected'", "1").await;

    // Others are served meanwhile.
    for shop in [SHOP, OTHER_SHOP] {
        text(LEAD, shop, "What are your opening hours?");
        wait(LEAD, shop, Until::Delivered).await;
        wait(LEAD, shop, Until::Settled).await;
    }
    sid
}

/// The owner looks, corrects, searches and writes; and the lead is answered once more.
async fn be_looked_after(stack: &TestStack) {
    let (console, owner) = (stack.console(), stack.demo_owner().await);
    let lead = format!("select id from app.leads where phone = '{PHONE}'");
    let lead = stack.value(&lead).await.parse().unwrap();
    #[allow(clippy::needless_update, reason = "a field to come is left as it is")]
    let form = LeadForm {
        name: NAME,
        email: &format!("{NAME}@example.com"),
        notes: &format!("{NAME} is a friend"),
        ..LeadForm::default()
    };
    console.correct_lead(&owner, lead, 1, &form).await.unwrap();
    assert_eq!(console.list_leads(&owner, NAME, None, 10).await.unwrap().leads.len(), 1);
    assert_eq!(console.list_leads(&owner, PHONE, None, 10).await.unwrap().leads.len(), 1);
    console.read_lead(&owner, lead).await.unwrap();
    // Twilio has refused the number, but it has been heard of since.
    let clear = "delete from app.suppressions where reason = 'unreachable'";
    stack.database.batch_execute(clear).await.unwrap();
    let body = format!("Dear {NAME}, we do not want {CARD}");
    let request = uuid::Uuid::from_u128(1);
    let text = console.send_owner_text(&owner, lead, request, &body).await.unwrap();
    let OwnerText::Queued(queued) = text else { panic!("it is refused") };
    console.background(queued.work.unwrap()).await;
    stack.simulator().text(PHONE, SHOP, "What are your opening hours?").unwrap();
    let patience = crate::support::PATIENCE;
    stack.simulator().wait_until(PHONE, SHOP, Until::Settled, patience).await.unwrap();
    console.read_conversation(&owner, lead, None, 50).await.unwrap();
    console.list_conversations(&owner, Filter::All, None, 50).await.unwrap();
}

/// The canaries stand in requests that are refused, each for another reason.
async fn refuse_everything(stack: &TestStack, sid: &str, answers: &mut Vec<String>) {
    let (account, token) =
        stack.simulator().read(|world| (world.twilio.sid.clone(), world.twilio.auth_token.clone()));
    let url = stack.url(leadslock::paths::SMS_INBOUND);
    let body = format!("{WORD} {CARD}");
    let fresh = format!("SM{:032x}", 0xc0ffee);
    let good = [
        ("AccountSid", account.as_str()),
        ("MessageSid", fresh.as_str()),
        ("From", PHONE),
        ("To", SHOP),
        ("Body", body.as_str()),
    ];
    let form = |name: &str, value: &str| {
        let fields =
            good.iter().map(|(field, good)| (*field, if *field == name { value } else { *good }));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    };
    let odd_phone = format!("tel:{PHONE}");
    let odd_sid = format!("SM{WORD}{PHONE}");
    let outbound =
        "select twilio_sid from app.messages where direction = 'outbound' order by id limit 1";
    let outbound = stack.value(outbound).await;
    let oversized = format!("{body}{}", "x".repeat(70_000));
    let mut send = async |form: String, signature: String, want: u16| {
        let request = stack.client.post(url.clone()).header(signatures::twilio::HEADER, signature);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form).send().await.unwrap();
        assert_eq!(response.status(), want);
        let headers = format!("{:?}", response.headers());
        answers.push(format!("{headers}\n{}", response.text().await.unwrap()));
    };
    let signed = |form: &str| signatures::twilio::sign(&token, &url, form.as_bytes());

    send(form("", ""), "not a signature".to_owned(), 403).await;
    for (name, value, want) in [
        ("From", odd_phone.as_str(), 400),
        ("MessageSid", odd_sid.as_str(), 400),
        ("AccountSid", odd_phone.as_str(), 400),
        ("To", PHONE, 404),
        ("Body", oversized.as_str(), 413),
        // One of ours has it: Postgres refuses, and quotes what it refuses.
        ("MessageSid", outbound.as_str(), 503),
        // Taken in already.
        ("MessageSid", sid, 200),
    ] {
        let form = form(name, value);
        send(form.clone(), signed(&form), want).await;
    }
    stack.interceptor.set("receive_sms", Manner::Unavailable);
    let form = form("", "");
    send(form.clone(), signed(&form), 503).await;
    stack.interceptor.clear();
}
