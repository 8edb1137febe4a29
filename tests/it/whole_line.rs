//! The whole line: a lead texts the shop and is answered.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use simulators::{conversation::Until, twilio::webhook::Outcome};

use crate::support::{LEAD, SHOP, on_a_stack};

#[test]
fn a_text_is_answered_delivered_and_kept() {
    on_a_stack(async |stack| {
        let conversation = stack.text_and_wait("Hi! What are your opening hours?").await;
        stack.wait(Until::Settled).await;

        let [answer] = conversation.answers() else { panic!("not one answer") };
        let body = &answer.message.body;
        assert!(body.starts_with("Automated assistant of Mile End Bikes: "), "{body}");

        let rows = stack
            .rows(
                "select author, body, status, legal_basis, twilio_sid from app.messages order by id",
                &[],
            )
            .await;
        let [text, reply] = rows.as_slice() else { panic!("{} messages", rows.len()) };
        assert_eq!(text.get::<_, &str>("author"), "lead");
        assert_eq!(text.get::<_, &str>("body"), "Hi! What are your opening hours?");
        assert_eq!(text.get::<_, &str>("status"), "received");
        assert_eq!(reply.get::<_, &str>("author"), "assistant");
        assert_eq!(reply.get::<_, &str>("body"), body);
        assert_eq!(reply.get::<_, &str>("status"), "delivered");
        assert_eq!(reply.get::<_, &str>("legal_basis"), "response");
        assert_eq!(reply.get::<_, &str>("twilio_sid"), answer.message.sid);
        assert_eq!(stack.value("select count(*) from app.jobs where state <> 'done'").await, "0");
    });
}

#[test]
fn twilio_is_answered_with_empty_twiml_after_one_call() {
    on_a_stack(async |stack| {
        stack.set_groq([crate::faults::stalled_groq()]);

        let sid = stack.text("Hi, are you open?");
        let attempt = stack
            .simulator()
            .wait_for("the webhook to be answered", crate::support::PATIENCE, |world| {
                let delivery =
                    world.twilio.deliveries.iter().find(|d| d.call.message_sid == sid)?;
                delivery.attempts.first().cloned()
            })
            .await
            .unwrap();

        // Groq never answers, and Twilio has its answer all the same.
        let Outcome::Answered { status, content_type, body } = attempt.outcome else {
            panic!("{:?}", attempt.outcome)
        };
        assert_eq!((status, content_type.as_deref()), (200, Some("text/xml")));
        assert_eq!(body, r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#);
        assert_eq!(stack.interceptor.calls("receive_sms"), 1);
        assert_eq!(stack.interceptor.calls("queue_outbound"), 0);
    });
}

/// Signs by the steps Twilio publishes, without our own code.
#[test]
fn a_request_signed_by_hand_is_accepted() {
    on_a_stack(async |stack| {
        let url = stack.url(leadslock::paths::SMS_INBOUND);
        let (account, token) = stack.simulator().read(|world| {
            let token = secrecy::ExposeSecret::expose_secret(&world.twilio.auth_token).to_owned();
            (world.twilio.sid.clone(), token)
        });
        let sid = "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let mut fields = [
            ("To", SHOP),
            ("From", LEAD),
            ("Body", "Combien pour une crevaison? 🚲 1+1 = 2 & more"),
            ("MessageSid", sid),
            ("AccountSid", &account),
            ("NumMedia", "0"),
            ("FromCity", ""),
        ];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        fields.sort_unstable();
        let signed: String = fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let mac = Hmac::<Sha1>::new_from_slice(token.as_bytes())
            .unwrap()
            .chain_update(url.as_str())
            .chain_update(signed);
        let signature = STANDARD.encode(mac.finalize().into_bytes());

        let response = stack
            .client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature)
            .body(form)
            .send()
            .await
            .unwrap();

        assert_eq!(response.status(), 200);
        stack.wait(Until::Answered).await;
        let body = "select body from app.messages where author = 'lead'";
        assert_eq!(stack.value(body).await, "Combien pour une crevaison? 🚲 1+1 = 2 & more");
    });
}

#[test]
fn a_lead_is_answered_in_french_and_introduced_to_once() {
    on_a_stack(async |stack| {
        stack.text_and_wait("Bonjour, quelles sont vos heures d'ouverture?").await;
        stack.text_and_wait("Merci! Êtes-vous ouverts le samedi?").await;

        let answers = stack.answers();
        let [first, second] = answers.as_slice() else { panic!("{answers:?}") };
        assert!(first.starts_with("Assistant automatisé de Mile End Bikes : "), "{first}");
        assert!(!second.contains("automatisé"), "{second}");
    });
}

#[test]
fn promise_own_stop_twilios_words_stop_restart_and_explain() {
    on_a_stack(async |stack| {
        // When the webhook is answered, what is owed is a row.
        let unanswered = async |body: &str| {
            stack.text(body);
            stack.wait(Until::Settled).await;
            assert_eq!(stack.value("select count(*) from app.jobs").await, "0", "{body}");
        };

        unanswered("stop").await;
        unanswered("What does a tune-up cost?").await;
        unanswered("START").await;
        stack.text_and_wait("HELP").await;
        let help = stack.answers().remove(0);
        assert!(help.contains("Mile End Bikes") && help.contains("STOP"), "{help}");
        stack.text_and_wait("What does a tune-up cost?").await;

        let evidence = "select string_agg(change || ' ' || coalesce(wording, ''), ', ' order by id)
                        from app.consent_events";
        assert_eq!(stack.value(evidence).await, "withdrawn stop, granted START");
    });
}

/// Twilio does nothing for ARRET; the confirmation is ours, one, in French.
#[test]
fn promise_own_stop_arret_is_confirmed_once_and_in_french() {
    on_a_stack(async |stack| {
        stack.text_and_wait("ARRÊT").await;
        stack.text("arret");
        stack.wait(Until::Settled).await;
        stack.text("Quelles sont vos heures?");
        stack.wait(Until::Settled).await;

        assert_eq!(stack.value("select count(*) from app.jobs where state = 'open'").await, "0");
        let answers = stack.answers();
        let [confirmation] = answers.as_slice() else { panic!("{answers:?}") };
        assert!(
            confirmation.starts_with("Mile End Bikes : vous ne recevrez plus"),
            "{confirmation}"
        );
        let evidence = "select string_agg(change || ' by ' || rule, ', ') from app.consent_events";
        assert_eq!(stack.value(evidence).await, "withdrawn by sent a keyword");
    });
}

/// Wording that may be misunderstood counts, and the owner sees what was made of it.
#[test]
fn promise_own_stop_words_of_ones_own_count_and_are_shown_to_the_owner() {
    on_a_stack(async |stack| {
        stack.text_and_wait("Could you please stop texting me? I moved away.").await;
        let answers = stack.answers();
        assert!(answers[0].starts_with("Mile End Bikes: you will get no more"), "{answers:?}");
        assert_eq!(stack.value("select reason from app.suppressions").await, "opted_out");
        let flag = stack.value("select needs_owner_reason from app.leads").await;
        assert_eq!(flag, "opted_out_in_words");
        let evidence = stack.value("select rule from app.consent_events").await;
        assert_eq!(evidence, "asks to stop the texts");
    });
}

/// `cards.never`: what a lead texts by mistake is masked before the first write,
/// and neither it nor who they are reaches the model.
#[test]
fn promise_cards_never_nor_personal_data_reach_database_or_model() {
    on_a_stack(async |stack| {
        stack
            .text_and_wait(
                "Hi, my name is Zuleika Quartermain, card 4242 4242 4242 4242, \
                 call 514-555-0177 or zuleika@example.org",
            )
            .await;

        stack.wait_for_value("select count(*) from app.jobs where outcome = 'redacted'", "1").await;
        let twilios_copy = stack.simulator().read(|world| {
            let texts = world.twilio.messages.iter();
            texts.filter(|text| text.from == LEAD).all(|text| text.is_redacted)
        });
        assert!(twilios_copy, "Twilio still has the text");
        let answer = stack.answers().remove(0);
        assert!(
            answer.ends_with("never text card or identity numbers; we masked yours."),
            "{answer}"
        );

        let body = stack.value("select body from app.messages where author = 'lead'").await;
        assert!(body.contains("•••• •••• •••• 4242") && body.contains("514-555-0177"), "{body}");
        let prompts: String = stack.simulator().read(|world| {
            world.groq.requests.iter().map(|request| request.body.to_string()).collect()
        });
        let request: Value = serde_json::from_str(&prompts).unwrap();
        assert!(request.to_string().contains("[NAME_1]"), "{request}");
        let log = stack.log().join("\n");
        for canary in ["4242 4242 4242", "Zuleika", "Quartermain", "0177", "zuleika@", LEAD] {
            assert!(!prompts.contains(canary), "{canary} is in the prompt");
            assert!(!log.contains(canary), "{canary} is in the log");
        }
    });
}

/// In parts that are no card number each: the one that completes it is not
/// stored, and the one before is masked.
#[test]
fn promise_cards_never_a_card_number_in_two_texts_is_masked_in_both() {
    on_a_stack(async |stack| {
        stack.text_and_wait("my visa is 4242 4242").await;
        stack.text("4242 4242, exp 12/27");

        stack.wait_for_value("select count(*) from app.jobs where outcome = 'redacted'", "2").await;
        let bodies =
            "select string_agg(body, ' | ' order by id) from app.messages where author = 'lead'";
        assert_eq!(stack.value(bodies).await, "my visa is •••• •••• | •••• 4242, exp 12/27");
        let twilios_copies = stack.simulator().read(|world| {
            let texts = world.twilio.messages.iter();
            texts.filter(|text| text.from == LEAD && text.is_redacted).count()
        });
        assert_eq!(twilios_copies, 2);
    });
}
