//! A request for a completion, and the response that carries one.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::Refusal;

/// A request for a completion, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Request {
    /// The model's id.
    pub(super) model: String,
    /// The conversation.
    pub(super) messages: Vec<Message>,
    /// What form the reply should have.
    #[serde(default)]
    response_format: ResponseFormat,
    /// How many replies; Groq has one only.
    n: Option<u32>,
    /// Whether the reply should come in pieces, which this simulator cannot.
    stream: Option<bool>,
    max_completion_tokens: Option<i64>,
}

/// A part of the conversation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    /// Who says it.
    pub(super) role: Role,
    /// What is said.
    pub(super) content: String,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    /// Whoever set the model up.
    System,
    /// The same, by its newer name.
    Developer,
    /// Whoever talks to the model.
    User,
    /// The model.
    Assistant,
}

/// What form the reply should have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    /// Any.
    #[default]
    Text,
    /// JSON of some kind.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema.
        json_schema: JsonSchema,
    },
}

/// A named schema.
#[derive(Debug, Clone, Deserialize)]
struct JsonSchema {
    name: String,
    schema: Value,
    #[serde(default)]
    strict: bool,
}

/// A reply to a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// What it says.
    pub(super) text: String,
    /// Whether the owner has to see to it.
    pub(super) needs_owner: bool,
}

impl Request {
    /// Reads a request as strictly as Groq does.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let request: Self =
            serde_json::from_slice(body).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let refuse = |reason: &str| Err(Refusal::Invalid(reason.to_owned()));
        if request.messages.is_empty() {
            return refuse("'messages' : minimum number of items is 1");
        }
        if request.n.is_some_and(|n| n != 1) {
            return refuse("'n' : number must be at most 1");
        }
        if request.max_completion_tokens.is_some_and(|tokens| tokens < 1) {
            return refuse("'max_completion_tokens' : must be greater than or equal to 1");
        }
        if request.stream == Some(true) {
            return refuse("this simulator does not stream");
        }
        if let ResponseFormat::JsonSchema { json_schema } = &request.response_format {
            json_schema.check()?;
        }
        Ok(request)
    }

    /// What the last message of the lead says.
    pub(super) fn last_user_message(&self) -> &str {
        let last = self.messages.iter().rev().find(|message| message.role == Role::User);
        last.map_or("", |message| &message.content)
    }

    /// What the model was set up with.
    pub(super) fn instructions(&self) -> String {
        let instructions = self
            .messages
            .iter()
            .filter(|message| matches!(message.role, Role::System | Role::Developer));
        instructions.map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The content of a completion that says `reply` in the form asked for.
    pub(super) fn content(&self, reply: &Reply) -> String {
        match &self.response_format {
            ResponseFormat::Text => reply.text.clone(),
            ResponseFormat::JsonObject => {
                json!({ "reply": reply.text, "needs_owner": reply.needs_owner }).to_string()
            }
            ResponseFormat::JsonSchema { json_schema } => {
                fit(&json_schema.schema, reply).to_string()
            }
        }
    }
}

impl JsonSchema {
    /// Checks what Groq demands of a schema, which is most in strict mode.
    fn check(&self) -> Result<(), Refusal> {
        let refuse = |reason: String| Err(Refusal::Invalid(reason));
        if self.name.is_empty() {
            return refuse("'response_format.json_schema.name' : must not be empty".to_owned());
        }
        let Some(properties) = self.schema.get("properties").and_then(Value::as_object) else {
            return refuse(format!("the schema `{}` has no properties", self.name));
        };
        if !self.strict {
            return Ok(());
        }
        let required = self.schema.get("required").and_then(Value::as_array);
        let is_required = |name: &String| {
            required.is_some_and(|required| required.iter().any(|entry| entry == name))
        };
        if self.schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return refuse(format!(
                "invalid JSON schema for response_format: '{}': `additionalProperties:false` must \
                 be set on every object",
                self.name
            ));
        }
        if let Some(name) = properties.keys().find(|name| !is_required(name)) {
            return refuse(format!(
                "invalid JSON schema for response_format: '{}': `required` is required to be \
                 supplied and to be an array including every key in properties; missing '{name}'",
                self.name
            ));
        }
        Ok(())
    }
}

/// A value that fits `schema` and says `reply`: its text where the schema wants
/// text, whether the owner is needed where it wants a yes or no.
fn fit(schema: &Value, reply: &Reply) -> Value {
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|all| all.first()) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fitted = properties.into_iter().flatten();
            let fitted: Map<_, _> =
                fitted.map(|(name, schema)| (name.clone(), fit(schema, reply))).collect();
            fitted.into()
        }
        Some("string") => reply.text.as_str().into(),
        Some("boolean") => reply.needs_owner.into(),
        Some("integer" | "number") => 0.into(),
        Some("array") => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

/// The response with a completion, and the headers that say what is left of the
/// account's limits.
pub(super) fn response(request: &Request, content: &str) -> Response {
    // About four characters make a token.
    let tokens = |text: &str| text.chars().count().div_ceil(4);
    let prompt_tokens: usize =
        request.messages.iter().map(|message| tokens(&message.content) + 4).sum();
    let completion_tokens = tokens(content);
    let id = Uuid::new_v4();
    let body = json!({
        "id": format!("chatcmpl-{id}"),
        "object": "chat.completion",
        "created": Timestamp::now().as_second(),
        "model": request.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {
            "queue_time": 0.02,
            "prompt_tokens": prompt_tokens,
            "prompt_time": 0.01,
            "completion_tokens": completion_tokens,
            "completion_time": 0.05,
            "total_tokens": prompt_tokens + completion_tokens,
            "total_time": 0.06,
        },
        "usage_breakdown": null,
        "system_fingerprint": "fp_local",
        "x_groq": { "id": format!("req_{}", id.simple()) },
        "service_tier": "on_demand",
    });
    let headers = [
        ("x-ratelimit-limit-requests", "14400"),
        ("x-ratelimit-limit-tokens", "8000"),
        ("x-ratelimit-remaining-requests", "14399"),
        ("x-ratelimit-remaining-tokens", "7100"),
        ("x-ratelimit-reset-requests", "6s"),
        ("x-ratelimit-reset-tokens", "6.75s"),
    ];
    (headers, Json(body)).into_response()
}
