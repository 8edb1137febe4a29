//! What owners see and do: their own, and nothing of anybody else's.

mod boundaries;
mod limits;
mod lists;
mod take_over;

use leadslock::{
    messaging::assistant::Author,
    owner::{
        Console, Owner, OwnerError, Saved,
        conversations::{Filter, LegalBasis},
        fields::Fault,
        leads::{Flag, LeadForm, Suppressed},
        shop::{Billing, ProfileForm, ShopState},
        texting::{OwnerText, Queued, Refusal},
    },
};
use operator::Task;
use serde_json::json;
use uuid::Uuid;

use crate::support::{LEAD, SHOP, TestStack, calls::Calls, owners::PROFILE, run};

/// The demo shop, its owner, and the console.
struct Desk {
    stack: TestStack,
    console: Console,
    owner: Owner,
}

/// Runs a test at a desk of its own.
fn at_a_desk(test: impl AsyncFnOnce(&Desk)) {
    run(async {
        let desk = Desk::start().await;
        test(&desk).await;
        desk.stack.stop().await;
    });
}

impl Desk {
    async fn start() -> Self {
        let stack = TestStack::start().await;
        let (console, owner) = (stack.console(), stack.demo_owner().await);
        Self { stack, console, owner }
    }

    fn calls(&self) -> Calls<'_> {
        Calls(&self.stack)
    }

    /// The only lead.
    async fn lead(&self) -> Uuid {
        self.stack.value("select id from app.leads").await.parse().unwrap()
    }

    async fn write(&self, lead: Uuid, request: Uuid, body: &str) -> OwnerText {
        self.console.send_owner_text(&self.owner, lead, request, body).await.unwrap()
    }

    async fn queue(&self, lead: Uuid, request: Uuid, body: &str) -> Queued {
        match self.write(lead, request, body).await {
            OwnerText::Queued(queued) => queued,
            OwnerText::Refused { reason, .. } => panic!("refused: {reason:?}"),
        }
    }

    async fn refuse(&self, lead: Uuid, body: &str) -> Refusal {
        match self.write(lead, id(999), body).await {
            OwnerText::Queued(_) => panic!("it is on its way"),
            OwnerText::Refused { reason, .. } => reason,
        }
    }

    /// What was done in the account, oldest first.
    async fn activity(&self) -> Vec<String> {
        let list = self.console.list_activity(&self.owner, None, 100).await.unwrap();
        let events = list.events.into_iter().rev();
        events.map(|event| format!("{} {}", event.actor, event.action)).collect()
    }
}

/// An id that a form could have made.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 | number)
}

#[test]
fn an_account_is_opened_once_and_gets_the_next_free_number() {
    at_a_desk(async |desk| {
        let (stack, console) = (&desk.stack, &desk.console);
        stack
            .database
            .batch_execute("delete from app.sender_numbers where business_id is null")
            .await
            .unwrap();
        let token = stack.sign_up("bagels@example.com").await;
        let owner = stack.owner_of(&token).await;
        for refused in [
            console.read_shop(&owner).await.err(),
            console.list_conversations(&owner, Filter::All, None, 50).await.err(),
            console.update_shop(&owner, 1, &PROFILE).await.err(),
        ] {
            assert!(matches!(refused, Some(OwnerError::NoShop)), "{refused:?}");
        }

        let bad = ProfileForm { time_zone: "Mars/Olympus", ..PROFILE };
        let Err(OwnerError::Fields(faults)) = console.open_account(&owner, &bad).await else {
            panic!("there is no such time zone");
        };
        assert_eq!(faults.of("time_zone"), Some(Fault::TimeZone));

        let opened = futures_util::future::join_all(
            (0..8).map(async |_| console.open_account(&owner, &PROFILE).await.unwrap()),
        );
        let opened = opened.await;
        assert_eq!(opened.iter().filter(|opened| opened.is_new).count(), 1);
        assert!(opened.iter().all(|other| other.business_id == opened[0].business_id));
        assert!(opened.iter().all(|opened| opened.number.is_none()));
        let status = stack.operator(Task::Status).await;
        assert_eq!(
            (&status["shops_without_a_number"], &status["numbers_free"]),
            (&json!(1), &json!(0))
        );

        let page = console.read_shop(&owner).await.unwrap();
        assert_eq!((page.shop.name.as_str(), page.shop.numbers.len()), ("Bagels du Parc", 0));
        assert_eq!((page.shop.billing, page.shop.state), (Billing::None, ShopState::Active));
        assert_eq!(page.profile.time_zone, "America/Vancouver");

        // An operator buys two numbers: the shop that waits has the first.
        let phone = |text| trust::text::phone::Phone::parse(text).unwrap();
        let business = json!(opened[0].business_id);
        let added = stack.operator(Task::AddNumber { phone: phone("+15145550170") }).await;
        assert_eq!(added, json!({ "outcome": "added", "business_id": business }));
        let added = stack.operator(Task::AddNumber { phone: phone("+15145550171") }).await;
        assert_eq!(added, json!({ "outcome": "added", "business_id": null }));
        let added = stack.operator(Task::AddNumber { phone: phone("+15145550171") }).await;
        assert_eq!(added, json!({ "outcome": "known" }));
        let again = console.open_account(&owner, &PROFILE).await.unwrap();
        assert_eq!((again.is_new, again.number), (false, Some(phone("+15145550170"))));
        let status = stack.operator(Task::Status).await;
        assert_eq!(
            (&status["shops_without_a_number"], &status["numbers_free"]),
            (&json!(0), &json!(1))
        );

        // The demo shop's owner opens nothing: there is a shop already.
        let demo = console.open_account(&desk.owner, &PROFILE).await.unwrap();
        assert!(!demo.is_new && demo.business_id != again.business_id);

        let unconfirm = "update auth.users set email_confirmed_at = null
                         where email = 'bagels@example.com'";
        stack.database.batch_execute(unconfirm).await.unwrap();
        let refused = console.open_account(&owner, &PROFILE).await.err();
        assert!(matches!(refused, Some(OwnerError::Unconfirmed)), "{refused:?}");
    });
}

/// Two shops that are opened at once never get one number.
#[test]
fn shops_that_are_opened_at_once_have_a_number_each() {
    at_a_desk(async |desk| {
        let mut owners = Vec::new();
        for number in 0..5 {
            let token = desk.stack.sign_up(&format!("owner{number}@example.com")).await;
            owners.push(desk.stack.owner_of(&token).await);
        }
        let opened = owners.iter().map(|owner| desk.console.open_account(owner, &PROFILE));
        let opened = futures_util::future::join_all(opened).await;
        let mut numbers: Vec<_> = opened
            .into_iter()
            .filter_map(|opened| opened.unwrap().number)
            .map(|phone| phone.as_str().to_owned())
            .collect();
        numbers.sort();
        // As many as the seed leaves free.
        assert_eq!(numbers, ["+15145550160", "+15145550161", "+15145550162"]);
    });
}

#[test]
fn promise_own_correct_lets_an_owner_see_and_correct_what_is_held() {
    at_a_desk(async |desk| {
        let (console, owner) = (&desk.console, &desk.owner);
        desk.calls().receive(1, "text", "hello, my card is •••• 4242").await;
        let lead = desk.lead().await;

        let page = console.read_lead(owner, lead).await.unwrap();
        assert_eq!((page.lead.version, page.lead.phone.as_str()), (1, LEAD));
        assert_eq!((page.events.len(), page.event_count), (1, 1));
        assert_eq!(page.events[0].basis.as_deref(), Some("implied_inquiry"));
        assert!(page.consent.inquiry_until.is_some() && page.consent.response_until.is_some());
        // Both clocks tell one time: the shop's is four or five hours behind UTC.
        let moment = &page.lead.created_at;
        assert!(moment.at.ends_with('Z') && moment.local.len() == 16, "{moment:?}");
        assert_ne!(moment.at[..16], moment.local);

        #[allow(clippy::needless_update, reason = "a field to come is left as it is")]
        let form = LeadForm {
            name: " Anna Roy ",
            email: "anna@example.com",
            notes: "a\r\nb",
            ..LeadForm::default()
        };
        let saved = console.correct_lead(owner, lead, 1, &form).await.unwrap();
        assert!(matches!(saved, Saved::Saved { version: 2 }));
        // The same again, as if the answer had been lost, is no conflict.
        let repeated = console.correct_lead(owner, lead, 1, &form).await.unwrap();
        assert!(matches!(repeated, Saved::Saved { version: 2 }));
        let stale = LeadForm { name: "Ann", ..form };
        let Saved::Conflict { current } =
            console.correct_lead(owner, lead, 1, &stale).await.unwrap()
        else {
            panic!("it was read before the last change");
        };
        assert_eq!((current.version, current.name.as_deref()), (2, Some("Anna Roy")));
        assert_eq!(current.notes.as_deref(), Some("a\nb"));
        let cleared = console.correct_lead(owner, lead, 2, &LeadForm::default()).await.unwrap();
        assert!(matches!(cleared, Saved::Saved { version: 3 }));
        let page = console.read_lead(owner, lead).await.unwrap();
        assert_eq!((page.lead.name, page.lead.email, page.lead.notes), (None, None, None));
        let long = "x".repeat(121);
        let form = LeadForm { name: &long, email: "anna", ..LeadForm::default() };
        let Err(OwnerError::Fields(faults)) = console.correct_lead(owner, lead, 3, &form).await
        else {
            panic!("two fields are wrong");
        };
        assert_eq!(
            (faults.of("name"), faults.of("email")),
            (Some(Fault::TooLong(120)), Some(Fault::Email))
        );

        // Of corrections at once, one is stored.
        let saved = futures_util::future::join_all((0..6).map(async |number: u32| {
            let name = format!("Anna {number}");
            console
                .correct_lead(owner, lead, 3, &LeadForm { name: &name, ..LeadForm::default() })
                .await
        }));
        let stored =
            saved.await.into_iter().filter(|saved| matches!(saved, Ok(Saved::Saved { .. })));
        assert_eq!(stored.count(), 1);

        let shop = console.read_shop(owner).await.unwrap();
        assert_eq!((shop.shop.numbers[0].as_str(), shop.shop.billing), (SHOP, Billing::Active));
        let saved = console.update_shop(owner, shop.profile.version, &PROFILE).await.unwrap();
        assert!(matches!(saved, Saved::Saved { version: 2 }));
        let repeated = console.update_shop(owner, 1, &PROFILE).await.unwrap();
        assert!(matches!(repeated, Saved::Saved { version: 2 }));
        let stale = ProfileForm { about: "Closed.", ..PROFILE };
        let Saved::Conflict { current } = console.update_shop(owner, 1, &stale).await.unwrap()
        else {
            panic!("it was read before the last change");
        };
        assert_eq!((current.version, current.name.as_str()), (2, "Bagels du Parc"));

        let want = [
            "owner lead_corrected",
            "owner lead_corrected",
            "owner lead_corrected",
            "owner shop_updated",
        ];
        assert_eq!(desk.activity().await, want);
    });
}

/// Access, correction, a copy to keep, erasure: for one lead, by the owner. For the
/// account, the tests of exports and closures.
#[test]
fn promise_gdpr_rights_are_kept_for_each_lead() {
    at_a_desk(async |desk| {
        let (console, owner) = (&desk.console, &desk.owner);
        desk.calls().receive(1, "text", "I am Anne").await;
        desk.calls().receive(2, "stop", "STOP").await;
        let lead = desk.lead().await;
        let page = console.read_lead(owner, lead).await.unwrap();
        assert_eq!(page.events[0].wording.as_deref(), Some("STOP"));
        let form = LeadForm { name: "Anna", ..LeadForm::default() };
        console.correct_lead(owner, lead, page.lead.version, &form).await.unwrap();

        let export = console.export_lead(owner, lead, None).await.unwrap();
        for held in [LEAD, "Anna", "I am Anne", "STOP", "opted_out"] {
            assert!(export.get().contains(held), "{held}");
        }
        assert_eq!(console.erase_lead(owner, lead).await.unwrap().texts, 2);
        // The answer got lost, and it is asked for again.
        assert_eq!(console.erase_lead(owner, lead).await.unwrap().texts, 0);
        let unknown = console.erase_lead(owner, Uuid::nil()).await;
        assert!(matches!(unknown, Err(OwnerError::NotFound)));
        assert!(matches!(console.read_lead(owner, lead).await.err(), Some(OwnerError::NotFound)));
        for gone in
            ["leads", "messages", "conversations", "consent_events where wording is not null"]
        {
            assert_eq!(desk.stack.value(&format!("select count(*) from app.{gone}")).await, "0");
        }
        // That they said stop outlives them, by a hash.
        assert_eq!(desk.stack.value("select reason from app.suppressions").await, "opted_out");
        assert_eq!(
            desk.activity().await,
            ["lead consent_withdrawn", "owner lead_corrected", "owner lead_erased"]
        );
    });
}

#[test]
fn the_owner_answers_by_hand_once_and_through_the_gate() {
    at_a_desk(async |desk| {
        // One that the assistant does not answer as well.
        desk.calls().receive(1, "help", "are you open?").await;
        let lead = desk.lead().await;
        let flag = format!("select app.flag_for_owner('{lead}', 'assistant_unsure')");
        desk.stack.value(&flag).await;
        assert_eq!(desk.console.read_shop(&desk.owner).await.unwrap().shop.flagged, 1);

        let body = "We are. Never text 4242 4242 4242 4242 again, please.";
        let queued = desk.queue(lead, id(1), body).await;
        assert_eq!((queued.legal_basis, queued.is_repeat), (LegalBasis::Response, false));
        desk.console.background(queued.work.unwrap()).await;
        desk.stack.wait_for_value("select count(*) from app.messages where author = 'owner' and twilio_sid is not null", "1").await;
        let arrived = desk.stack.answers();
        assert_eq!(arrived, ["We are. Never text •••• •••• •••• 4242 again, please."]);

        // Posted again, at once and later: one text.
        let posts = (0..6).map(|_| desk.queue(lead, id(2), "twice"));
        let posts = futures_util::future::join_all(posts).await;
        assert_eq!(posts.iter().filter(|queued| queued.is_repeat).count(), 5);
        assert!(posts.iter().all(|queued| queued.message_id == posts[0].message_id));
        let first = posts.into_iter().find_map(|queued| queued.work);
        assert!(desk.queue(lead, id(1), body).await.is_repeat);
        // The process dies: the scheduler sends it.
        drop(first);
        desk.stack.run_scheduler_later().await;
        desk.stack.run_scheduler_later().await;
        assert_eq!(desk.stack.answers().iter().filter(|text| *text == "twice").count(), 1);

        let page = desk.console.read_conversation(&desk.owner, lead, None, 50).await.unwrap();
        let texts: Vec<_> =
            page.texts.iter().map(|text| (text.author, text.masked_count)).collect();
        assert_eq!(texts[0], (Author::Owner, 0));
        assert_eq!(texts[1], (Author::Owner, 1));
        assert_eq!(page.lead.flag, None);
        let list = desk.console.list_conversations(&desk.owner, Filter::Unanswered, None, 50).await;
        assert!(list.unwrap().conversations.is_empty());

        for (sql, want) in [
            ("update app.businesses set state = 'closing'", Refusal::BusinessNotActive),
            (
                "update app.businesses set state = 'active'; update app.subscriptions set status = 'canceled'",
                Refusal::Billing,
            ),
            (
                "update app.subscriptions set status = 'active'; update app.sender_numbers set business_id = null",
                Refusal::NoNumber,
            ),
        ] {
            desk.stack.database.batch_execute(sql).await.unwrap();
            assert_eq!(desk.refuse(lead, "no").await, want, "{sql}");
        }
    });
}

#[test]
fn an_owner_is_told_why_a_text_may_not_be_sent() {
    at_a_desk(async |desk| {
        let calls = desk.calls();
        calls.go_to("2027-01-13 12:00 America/Toronto").await;
        calls.receive(1, "text", "hello").await;
        let lead = desk.lead().await;
        calls.go_to("2027-01-15 21:00 America/Toronto").await;
        let OwnerText::Refused { reason, retry_at } = desk.write(lead, id(1), "psst").await else {
            panic!("it is night");
        };
        assert_eq!(reason, Refusal::QuietHours);
        assert_eq!(retry_at.unwrap().local, "2027-01-16T09:00");
        calls.go_to("2027-01-16 09:00 America/Toronto").await;
        assert_eq!(
            desk.queue(lead, id(1), "good morning").await.legal_basis,
            LegalBasis::ImpliedInquiry
        );
        calls.go_to("2027-07-14 12:00 America/Toronto").await;
        assert_eq!(desk.refuse(lead, "remember us?").await, Refusal::BasisExpired);

        calls.receive(2, "stop", "STOP").await;
        let before = desk.stack.value("select count(*) from app.messages").await;
        assert_eq!(desk.refuse(lead, "please come back").await, Refusal::OptedOut);
        assert_eq!(desk.stack.value("select count(*) from app.messages").await, before);
        let page = desk.console.read_conversation(&desk.owner, lead, None, 50).await.unwrap();
        assert_eq!(page.consent.suppressed, Some(Suppressed::OptedOut));
        let list = desk.console.list_conversations(&desk.owner, Filter::OptedOut, None, 50).await;
        assert_eq!(list.unwrap().conversations[0].suppressed, Some(Suppressed::OptedOut));
        // What Twilio has answered waits for nobody.
        let list = desk.console.list_conversations(&desk.owner, Filter::Unanswered, None, 50).await;
        assert!(list.unwrap().conversations.is_empty());
    });
}

#[test]
fn a_lead_that_waits_is_taken_off_the_list_by_hand() {
    at_a_desk(async |desk| {
        desk.calls().receive(1, "text", "hello").await;
        let lead = desk.lead().await;
        assert!(!desk.console.resolve_flag(&desk.owner, lead).await.unwrap());
        desk.stack.value(&format!("select app.flag_for_owner('{lead}', 'cap')")).await;
        let list = desk.console.list_conversations(&desk.owner, Filter::Flagged, None, 50).await;
        assert_eq!(list.unwrap().conversations[0].flag, Some(Flag::Cap));
        assert!(desk.console.resolve_flag(&desk.owner, lead).await.unwrap());
        let list = desk.console.list_conversations(&desk.owner, Filter::Flagged, None, 50).await;
        assert!(list.unwrap().conversations.is_empty());
        assert_eq!(desk.activity().await, ["owner flag_resolved"]);
    });
}

/// The same prompt and review as for a lead; and nothing of it is kept.
#[test]
fn the_assistant_is_tried_out_without_a_trace() {
    at_a_desk(async |desk| {
        let profile = desk.console.read_shop(&desk.owner).await.unwrap().profile;
        let draft = desk.console.try_assistant(&profile, "How much is a tune-up?").await.unwrap();
        assert!(
            draft.body.starts_with("Automated assistant of Mile End Bikes: "),
            "{}",
            draft.body
        );
        for table in ["messages", "leads", "jobs", "audit_events"] {
            assert_eq!(desk.stack.value(&format!("select count(*) from app.{table}")).await, "0");
        }
        let faults = desk.console.try_assistant(&profile, " ").await.err().unwrap();
        assert_eq!(faults.of("question"), Some(Fault::Missing));
    });
}
