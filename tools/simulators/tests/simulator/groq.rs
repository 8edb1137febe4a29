//! Groq as the product uses it, and as it fails.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use simulators::{
    Simulator,
    groq::{
        ApiAnswer,
        behaviour::{Answer, Behaviour},
    },
};

use crate::support::{Answered, request, start, try_request};

const MODEL: &str = "openai/gpt-oss-20b";
const OTHER_MODEL: &str = "openai/gpt-oss-120b";
const KEY: [(&str, &str); 2] =
    [("authorization", "Bearer gsk_local"), ("content-type", "application/json")];

fn url(simulator: &Simulator) -> String {
    format!("{}/openai/v1/chat/completions", simulator.groq_api_url())
}

fn question(model: &str, question: &str) -> Value {
    json!({
        "model": model,
        "messages": [
            { "role": "system", "content": "Open Mon-Fri 7:00-18:00" },
            { "role": "user", "content": question },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "strict": true,
                "schema": {
                    "type": "object",
                    "properties": {
                        "reply": { "type": "string" },
                        "needs_owner": { "type": "boolean" },
                    },
                    "required": ["reply", "needs_owner"],
                    "additionalProperties": false,
                },
            },
        },
    })
}

async fn ask(simulator: &Simulator, body: &Value) -> Answered {
    request(Method::POST, &url(simulator), &KEY, &body.to_string()).await
}

fn order(simulator: &Simulator, behaviour: Behaviour) {
    simulator.change(|world| world.groq.behaviours.set([behaviour]));
}

/// The content of a completion.
fn content(answered: &Answered) -> String {
    assert_eq!(answered.status, 200, "{}", answered.body);
    answered.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_completion_fits_the_schema_and_has_groqs_form() {
    let simulator = start().await;

    let answered = ask(&simulator, &question(MODEL, "When are you open?")).await;

    let content: Value = serde_json::from_str(&content(&answered)).unwrap();
    let reply = "Here are our hours: Open Mon-Fri 7:00-18:00";
    assert_eq!(content, json!({ "reply": reply, "needs_owner": false }));
    let completion = answered.json();
    assert!(completion["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(completion["object"], "chat.completion");
    assert_eq!(completion["model"], MODEL);
    assert_eq!(completion["choices"][0]["finish_reason"], "stop");
    let tokens = |name: &str| completion["usage"][name].as_u64().unwrap();
    assert_eq!(tokens("total_tokens"), tokens("prompt_tokens") + tokens("completion_tokens"));
    for header in ["limit-requests", "remaining-tokens", "reset-tokens"] {
        assert!(answered.headers.contains_key(format!("x-ratelimit-{header}")), "{header}");
    }
}

#[tokio::test]
async fn without_a_format_the_content_is_the_reply_itself() {
    let simulator = start().await;
    let mut question = question(MODEL, "hello");
    question["response_format"] = json!({ "type": "text" });

    let answered = ask(&simulator, &question).await;

    assert_eq!(content(&answered), "Hello! How can we help you today?");
}

#[tokio::test]
async fn the_key_and_the_model_have_to_be_right() {
    let simulator = start().await;
    let body = question(MODEL, "hi").to_string();
    for headers in [&[][..], &[("authorization", "Bearer gsk_other")]] {
        let refused = request(Method::POST, &url(&simulator), headers, &body).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.json()["error"]["code"], "invalid_api_key");
    }
    let refused = ask(&simulator, &question("llama-none", "hi")).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json()["error"]["code"], "model_not_found");

    let models = format!("{}/openai/v1/models", simulator.groq_api_url());
    assert_eq!(request(Method::GET, &models, &[], "").await.status, 401);
    let models = request(Method::GET, &models, &KEY, "").await.json();
    let ids: Vec<_> = models["data"].as_array().unwrap().iter().map(|m| &m["id"]).collect();
    assert_eq!(ids, [OTHER_MODEL, MODEL]);
}

#[tokio::test]
async fn a_request_groq_would_not_take_is_refused() {
    let simulator = start().await;
    let spoilt = |change: fn(&mut Value)| {
        let mut body = question(MODEL, "hi");
        change(&mut body);
        body
    };
    for body in [
        json!({}),
        spoilt(|body| body["messages"] = json!([])),
        spoilt(|body| body["messages"][0]["role"] = json!("owner")),
        spoilt(|body| body["n"] = json!(2)),
        spoilt(|body| body["max_completion_tokens"] = json!(0)),
        spoilt(|body| body["stream"] = json!(true)),
        spoilt(|body| body["response_format"]["type"] = json!("xml")),
        spoilt(|body| {
            body["response_format"]["json_schema"]["schema"]["required"] = json!(["reply"]);
        }),
        spoilt(|body| {
            body["response_format"]["json_schema"]["schema"]["additionalProperties"] = json!(true);
        }),
    ] {
        let refused = ask(&simulator, &body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn each_failure_has_groqs_status_and_code() {
    for (answer, status, code) in [
        (Answer::RateLimited { retry_after_seconds: 7 }, 429, "rate_limit_exceeded"),
        (Answer::Decommissioned, 400, "model_decommissioned"),
        (Answer::ModelNotFound, 404, "model_not_found"),
        (Answer::GenerationFailed, 400, "json_validate_failed"),
        (Answer::InternalError, 500, ""),
        (Answer::Unavailable, 503, ""),
    ] {
        let simulator = start().await;
        order(&simulator, Behaviour { answer: answer.clone(), ..Behaviour::default() });

        let refused = ask(&simulator, &question(MODEL, "hi")).await;

        assert_eq!(refused.status, status);
        assert_eq!(refused.json()["error"]["code"].as_str().unwrap_or_default(), code);
        let retry_after = refused.headers.get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(retry_after, (status == 429).then_some("7"));
    }
}

#[tokio::test]
async fn each_kind_of_nonsense_can_be_ordered() {
    let simulator = start().await;
    let own = Answer::Reply { text: "Oui.".to_owned(), needs_owner: true };
    let is_json = |content: &str| serde_json::from_str::<Value>(content).is_ok();
    for (answer, is_as_ordered) in [
        (own, (|content| content.contains("Oui.") && content.contains("true")) as fn(&str) -> bool),
        (Answer::EmptyReply, |content| content.contains(r#""reply":"""#)),
        (Answer::LongReply, |content| content.len() > 2000),
        (Answer::ForeignLink, |content| content.contains("https://prizes.example.net/")),
    ] {
        order(&simulator, Behaviour { answer, ..Behaviour::default() });
        let content = content(&ask(&simulator, &question(MODEL, "hi")).await);
        assert!(is_json(&content) && is_as_ordered(&content), "{content}");
    }

    order(&simulator, Behaviour { answer: Answer::MalformedReply, ..Behaviour::default() });
    assert!(!is_json(&content(&ask(&simulator, &question(MODEL, "hi")).await)));
    order(&simulator, Behaviour { answer: Answer::MalformedResponse, ..Behaviour::default() });
    let malformed = ask(&simulator, &question(MODEL, "hi")).await;
    assert!(malformed.status == 200 && !is_json(&malformed.body));
}

#[tokio::test]
async fn groq_can_be_slow_hang_up_and_never_answer() {
    let simulator = start().await;
    let body = question(MODEL, "hi").to_string();
    let url = url(&simulator);

    order(&simulator, Behaviour { delay_milliseconds: 100, ..Behaviour::default() });
    let begun = Instant::now();
    assert_eq!(request(Method::POST, &url, &KEY, &body).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(100));

    order(&simulator, Behaviour { answer: Answer::HangUp, ..Behaviour::default() });
    assert!(try_request(Method::POST, &url, &KEY, &body).await.is_none());

    order(&simulator, Behaviour { answer: Answer::Stall, ..Behaviour::default() });
    let stalled = try_request(Method::POST, &url, &KEY, &body);
    assert!(tokio::time::timeout(Duration::from_millis(200), stalled).await.is_err());
}

#[tokio::test]
async fn a_behaviour_holds_for_one_model_and_its_number_of_requests() {
    let simulator = start().await;
    order(
        &simulator,
        Behaviour {
            model: Some(MODEL.to_owned()),
            requests: Some(1),
            answer: Answer::Unavailable,
            ..Behaviour::default()
        },
    );

    assert_eq!(ask(&simulator, &question(OTHER_MODEL, "hi")).await.status, 200);
    assert_eq!(ask(&simulator, &question(MODEL, "hi")).await.status, 503);
    assert_eq!(ask(&simulator, &question(MODEL, "hi")).await.status, 200);
}

#[tokio::test]
async fn every_request_is_kept_with_its_answer() {
    let simulator = start().await;
    ask(&simulator, &question(MODEL, "hello")).await;
    request(Method::POST, &url(&simulator), &[], "not json").await;

    simulator.read(|world| {
        let kept: Vec<_> = world.groq.requests.iter().collect();
        assert_eq!(kept[0].body["messages"][1]["content"], "hello");
        assert!(kept[0].is_authentic && !kept[1].is_authentic);
        assert!(matches!(kept[0].answer, ApiAnswer::Answered { status: 200, .. }));
        assert_eq!(kept[1].body, "not json");
        assert!(!serde_json::to_string(&kept).unwrap().contains("gsk_"));
    });
}
