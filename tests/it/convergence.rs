//! What a shop pays for ends as what Stripe has, whatever the order of events.
//!
//! The calls are made as the functions make them, on a schedule that no scheduler
//! would be so unkind to choose: several deliveries at once, each stopped between
//! asking for the version, asking Stripe, and storing the answer, or dropped
//! there and sent again.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_postgres::{Client, Statement};

use crate::support::{
    TestStack, on_a_stack,
    random::{Random, permutations},
};

/// Set it to look at more lives, e.g. to 5000.
const SEEDS_VARIABLE: &str = "LEADSLOCK_SEEDS";

/// How many connections the lives are spread over.
const CONNECTIONS: u64 = 4;

/// A subscription's life at Stripe: what it is after each of its events.
struct Life {
    number: u64,
    states: Vec<Value>,
}

/// One delivery of an event, as far as it has come.
enum Step {
    Begin,
    /// The version is known, and Stripe is to be asked.
    Ask(i64),
    /// Stripe has answered.
    Store(i64, Value),
    Done,
}

struct Delivery {
    event: usize,
    step: Step,
    is_slow: bool,
}

impl Life {
    /// A new shop with a subscription that goes through these changes.
    async fn new(database: &Database, number: u64, changes: &[Value]) -> Self {
        let insert = "insert into app.businesses (owner_id, name, mailing_address, website)
                      select owner_id, 'A shop', 'A street', 'https://shop.example'
                      from app.businesses limit 1 returning id::text";
        let business: String = database.client.query_one(insert, &[]).await.unwrap().get(0);
        let mut state = json!({
            "id": format!("sub_{number}"), "customer_id": format!("cus_{number}"),
            "business_id": business, "status": "trialing", "price_id": "price_1",
            "current_period_start": 1_000_000, "current_period_end": 2_000_000,
            "trial_end": null, "cancel_at": null, "cancel_at_period_end": false,
            "canceled_at": null, "is_collection_paused": false, "unpaid_since": null,
            "created": 1_000_000,
        });
        let mut states = Vec::new();
        for change in changes {
            state.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let is_past_due = state["status"] == "past_due";
            state["unpaid_since"] =
                if is_past_due { json!(4_000_000_000_i64) } else { json!(null) };
            states.push(state.clone());
        }
        Self { number, states }
    }

    fn end(&self) -> usize {
        self.states.len() - 1
    }

    fn event(&self, event: usize) -> Value {
        json!({
            "event_id": format!("evt_{}_{event}", self.number),
            "type": "customer.subscription.updated",
            "subscription_id": self.states[0]["id"],
            "has_other_version": false,
        })
    }

    /// Goes one step on, with Stripe in the state after its event `now`.
    async fn step(&self, database: &Database, delivery: &mut Delivery, now: usize) {
        delivery.step = match std::mem::replace(&mut delivery.step, Step::Done) {
            Step::Begin => {
                let event = self.event(delivery.event);
                let applied = database.apply(&event).await;
                match applied["outcome"].as_str().unwrap() {
                    "duplicate" => Step::Done,
                    "fetch" => Step::Ask(applied["version"].as_i64().unwrap()),
                    other => panic!("{other}"),
                }
            }
            Step::Ask(version) => Step::Store(version, self.states[now].clone()),
            Step::Store(version, subscription) => {
                let event = self.event(delivery.event);
                let request =
                    json!({ "event": event, "version": version, "subscription": subscription });
                let stored = database.store(&request).await;
                match stored["outcome"].as_str().unwrap() {
                    "stored" | "duplicate" | "ended" => Step::Done,
                    "conflict" => Step::Begin,
                    other => panic!("{other}"),
                }
            }
            Step::Done => Step::Done,
        };
    }

    /// Delivers an event from beginning to end.
    async fn deliver(&self, database: &Database, event: usize, now: usize) {
        let mut delivery = Delivery { event, step: Step::Begin, is_slow: false };
        while !matches!(delivery.step, Step::Done) {
            self.step(database, &mut delivery, now).await;
        }
    }

    /// What is stored is what Stripe has, and all events are in the log.
    async fn check(&self, database: &Database, told: &str) {
        let sql = "select jsonb_build_object(
            'id', id, 'customer_id', customer_id, 'business_id', business_id, 'status', status,
            'price_id', price_id,
            'current_period_start', extract(epoch from current_period_start)::bigint,
            'current_period_end', extract(epoch from current_period_end)::bigint,
            'trial_end', extract(epoch from trial_end)::bigint,
            'cancel_at', extract(epoch from cancel_at)::bigint,
            'cancel_at_period_end', cancel_at_period_end,
            'canceled_at', extract(epoch from canceled_at)::bigint,
            'is_collection_paused', is_collection_paused,
            'unpaid_since', extract(epoch from unpaid_since)::bigint,
            'created', extract(epoch from created_at)::bigint
          ), app.billing_standing(business_id), app.billing_allows(business_id), (
            select count(*) from app.webhook_events
            where provider = 'stripe' and starts_with(event_id, $2)
          )
          from app.subscriptions where id = $1";
        let id = format!("sub_{}", self.number);
        let events = format!("evt_{}_", self.number);
        let row = database.client.query_one(sql, &[&id, &events]).await.unwrap();
        let want = &self.states[self.end()];
        assert_eq!(row.get::<_, Value>(0), *want, "{told}");
        assert_eq!(row.get::<_, String>(1), want["status"].as_str().unwrap(), "{told}");
        let is_served =
            ["trialing", "active", "past_due"].contains(&want["status"].as_str().unwrap());
        assert_eq!(row.get::<_, bool>(2), is_served, "{told}");
        assert_eq!(row.get::<_, i64>(3), i64::try_from(self.states.len()).unwrap(), "{told}");
    }
}

/// A connection, and what it asks again and again.
struct Database {
    client: Client,
    apply: Statement,
    store: Statement,
}

impl Database {
    /// Connects so that nothing waits for the disk: there is nothing to lose.
    async fn connect(stack: &TestStack) -> Self {
        let client = stack.connect().await;
        client.batch_execute("set synchronous_commit = off").await.unwrap();
        let apply = client.prepare("select public.apply_stripe_event($1)").await.unwrap();
        let store = client.prepare("select public.store_subscription($1)").await.unwrap();
        Self { client, apply, store }
    }

    async fn apply(&self, request: &Value) -> Value {
        self.client.query_one(&self.apply, &[request]).await.unwrap().get(0)
    }

    async fn store(&self, request: &Value) -> Value {
        self.client.query_one(&self.store, &[request]).await.unwrap().get(0)
    }
}

/// Six events. The second and third are of one second, the fourth and fifth of
/// another; events do not say which of the two came first, and we do not ask.
fn six_events(last: Value) -> Vec<Value> {
    vec![
        json!({ "status": "trialing", "trial_end": 2_000_000 }),
        json!({ "status": "active", "current_period_start": 2_000_000, "current_period_end": 3_000_000 }),
        json!({ "cancel_at_period_end": true, "cancel_at": 3_000_000 }),
        json!({ "status": "past_due", "cancel_at_period_end": false, "cancel_at": null }),
        json!({ "price_id": "price_2" }),
        last,
    ]
}

#[test]
fn promise_webhook_stripe_any_order_of_events_ends_in_what_stripe_has() {
    on_a_stack(async |stack| {
        let orders = permutations(6);
        assert_eq!(orders.len(), 720);
        let ends = [
            json!({ "status": "canceled", "canceled_at": 2_500_000 }),
            json!({ "status": "active" }),
        ];
        let lives: Vec<_> = (0..)
            .zip(orders.iter().flat_map(|order| ends.each_ref().map(|end| (order, end))))
            .collect();

        let lanes = (0..CONNECTIONS).map(async |lane| {
            let database = Database::connect(stack).await;
            for (number, (order, end)) in &lives {
                if number % CONNECTIONS != lane {
                    continue;
                }
                let mut random = Random::new(*number);
                let life = Life::new(&database, *number, &six_events((*end).clone())).await;
                let mut deliveries = (*order).clone();
                for _ in 0..random.below(7) {
                    let copy = deliveries[random.below(deliveries.len())];
                    deliveries.insert(random.below(deliveries.len() + 1), copy);
                }
                // Stripe is at the end already, or goes on while events arrive:
                // an event is not older than what Stripe has.
                let mut now = if random.below(2) == 0 { life.end() } else { 0 };
                for event in &deliveries {
                    now = now.max(*event);
                    now += random.below(life.end() - now + 1);
                    life.deliver(&database, *event, now).await;
                }
                life.check(&database, &format!("life {number}, events {deliveries:?}")).await;
            }
        });
        join_all(lanes).await;
    });
}

/// A life of up to 40 events that ends where it ends.
fn changes(random: &mut Random) -> Vec<Value> {
    let mut status = ["incomplete", "trialing", "active"][random.below(3)];
    let mut changes = vec![json!({ "status": status })];
    for _ in 0..random.below(40) {
        let is_over = ["canceled", "incomplete_expired"].contains(&status);
        // Few lives end, as in one that has ended nothing can go wrong any more.
        let ends = random.below(60) == 0;
        let next: &[&str] = match status {
            _ if is_over => &[status],
            "incomplete" if ends => &["incomplete_expired"],
            _ if ends => &["canceled"],
            "incomplete" => &["incomplete", "active"],
            "trialing" => &["trialing", "active", "past_due", "paused"],
            "active" => &["active", "active", "past_due"],
            "past_due" => &["past_due", "active", "unpaid"],
            _ => &["active", status],
        };
        status = next[random.below(next.len())];
        let mut change = json!({ "status": status });
        if !is_over {
            change["price_id"] = json!(format!("price_{}", random.below(5)));
            change["cancel_at_period_end"] = json!(random.below(2) == 0);
            change["current_period_end"] = json!(1_000_000 + random.below(1_000_000));
        }
        changes.push(change);
    }
    changes
}

#[test]
fn any_interleaving_of_deliveries_ends_in_what_stripe_has() {
    on_a_stack(async |stack| {
        let seeds = std::env::var(SEEDS_VARIABLE).ok().and_then(|text| text.parse().ok());
        let seeds: u64 = seeds.unwrap_or(150);
        let lanes = (0..CONNECTIONS).map(async |lane| {
            let database = Database::connect(stack).await;
            for seed in (lane..seeds).step_by(usize::try_from(CONNECTIONS).unwrap()) {
                let mut random = Random::new(seed);
                let life = Life::new(&database, seed, &changes(&mut random)).await;
                let mut now = 0;
                // What Stripe will still send: each event once or more often.
                let mut owed: Vec<usize> = (0..=life.end()).collect();
                let mut under_way = Vec::<Delivery>::new();
                while now < life.end() || !owed.is_empty() || !under_way.is_empty() {
                    match random.below(12) {
                        // Rarely, so that most events arrive soon after they happened.
                        0 if now < life.end() => now += 1,
                        3..6 => {
                            let sent: Vec<_> = owed.iter().filter(|event| **event <= now).collect();
                            if !sent.is_empty() {
                                let event = **random.pick(&sent);
                                let is_slow = random.below(5) == 0;
                                under_way.push(Delivery { event, step: Step::Begin, is_slow });
                                // Some are sent again though they arrived.
                                if random.below(4) > 0 {
                                    owed.retain(|one| *one != event);
                                }
                            }
                        }
                        6 if !under_way.is_empty() && random.below(4) == 0 => {
                            // The function dies, and Stripe sends the event again.
                            let at = random.below(under_way.len());
                            let delivery = under_way.swap_remove(at);
                            owed.push(delivery.event);
                        }
                        _ if !under_way.is_empty() => {
                            let at = random.below(under_way.len());
                            // A slow one has an old answer when its turn comes.
                            let has_answer = matches!(under_way[at].step, Step::Store(..));
                            if under_way[at].is_slow && has_answer && random.below(100) > 0 {
                                continue;
                            }
                            life.step(&database, &mut under_way[at], now).await;
                            under_way.retain(|delivery| !matches!(delivery.step, Step::Done));
                        }
                        _ => {}
                    }
                }
                life.check(&database, &format!("seed {seed}")).await;
            }
        });
        join_all(lanes).await;
    });
}

/// Two functions ask Stripe at once. The one with the older answer comes last.
#[test]
fn an_answer_older_than_the_one_stored_is_not_stored() {
    on_a_stack(async |stack| {
        let database = Database::connect(stack).await;
        let life = Life::new(&database, 1, &six_events(json!({ "status": "canceled" }))).await;
        let mut slow = Delivery { event: 1, step: Step::Begin, is_slow: true };
        life.step(&database, &mut slow, 1).await;
        life.step(&database, &mut slow, 1).await;
        life.deliver(&database, 3, 3).await;

        let Step::Store(version, old) = &slow.step else { panic!("it has not asked") };
        let request = json!({ "event": life.event(1), "version": version, "subscription": old });
        let stored = database.store(&request).await;

        assert_eq!(stored, json!({ "outcome": "conflict" }));
        let status = "select status from app.subscriptions where id = 'sub_1'";
        assert_eq!(stack.value(status).await, "past_due");
        let log = "select count(*) from app.webhook_events where event_id = 'evt_1_1'";
        assert_eq!(stack.value(log).await, "0", "an event without its effect is in the log");
    });
}

#[test]
fn a_subscription_that_has_ended_is_never_revived() {
    on_a_stack(async |stack| {
        let database = Database::connect(stack).await;
        for (number, ended) in [(1, "canceled"), (2, "incomplete_expired")] {
            let states = [json!({ "status": "active" }), json!({ "status": ended })];
            let life = Life::new(&database, number, &states).await;
            life.deliver(&database, 1, 1).await;
            // Even if Stripe itself should answer so.
            let request = json!({
                "event": life.event(0), "version": 1, "subscription": life.states[0],
            });
            let stored = database.store(&request).await;
            assert_eq!(stored, json!({ "outcome": "ended" }));
            life.check(&database, ended).await;
        }
    });
}
