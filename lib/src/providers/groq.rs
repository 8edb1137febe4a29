//! Chat completions at Groq.
//! <https://console.groq.com/docs/api-reference#chat-create>

pub mod settings;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use thiserror::Error;
use url::Url;

use self::settings::GroqApi;
use crate::providers::egress::{Egress, EgressError};

/// Room for a short answer and for the thinking some models do first.
const MAX_COMPLETION_TOKENS: u32 = 1000;

/// Why there is no completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GroqError {
    /// No answer came in time.
    #[error("groq did not answer: {0}")]
    Egress(#[from] EgressError),
    /// An answer other than 200.
    #[error("groq answered {0}")]
    Status(u16),
    /// An answer that is not a completion of the form asked for.
    #[error("groq answered in an unexpected form")]
    Malformed,
}

/// Who says a part of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Us, about how to answer.
    System,
    /// The person who is answered.
    User,
    /// The one who answers.
    Assistant,
}

/// One part of a conversation.
#[derive(Serialize)]
pub struct Turn {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Groq's API.
pub struct Groq {
    url: Url,
    authorization: HeaderValue,
    models: Vec<String>,
    egress: Egress,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

impl Groq {
    /// Calls Groq as `settings` say, through `egress`. `None` if the key cannot
    /// stand in a header.
    pub fn new(settings: &GroqApi, egress: Egress) -> Option<Self> {
        let base = settings.url.as_str().trim_end_matches('/');
        let bearer = format!("Bearer {}", settings.api_key.expose_secret());
        let mut authorization = HeaderValue::try_from(bearer).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            url: Url::parse(&format!("{base}/openai/v1/chat/completions")).ok()?,
            authorization,
            models: settings.models.clone(),
            egress,
        })
    }

    /// The models to ask, in order of preference.
    pub fn models(&self) -> &[String] {
        &self.models
    }

    /// Asks `model` to go on with `turns`, in the form of `schema` (JSON Schema).
    pub async fn complete<R: DeserializeOwned>(
        &self,
        model: &str,
        turns: &[Turn],
        schema: &Value,
        deadline: Duration,
    ) -> Result<R, GroqError> {
        let body = serde_json::to_vec(&CompletionRequest::new(model, turns, schema))
            .map_err(|_| GroqError::Malformed)?;
        let request = Request::post(self.url.as_str())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|_| GroqError::Malformed)?;
        let reply = self.egress.send(request, deadline).await?;
        if !reply.status.is_success() {
            return Err(GroqError::Status(reply.status.as_u16()));
        }
        parse(&reply.body).ok_or(GroqError::Malformed)
    }
}

/// What Groq is asked.
#[derive(Serialize)]
struct CompletionRequest<'a> {
    model: &'a str,
    messages: &'a [Turn],
    temperature: f32,
    max_completion_tokens: u32,
    /// A text wants no long thoughts; models that do not think refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    response_format: Value,
}

impl<'a> CompletionRequest<'a> {
    fn new(model: &'a str, messages: &'a [Turn], schema: &Value) -> Self {
        Self {
            model,
            messages,
            temperature: 0.2,
            max_completion_tokens: MAX_COMPLETION_TOKENS,
            reasoning_effort: model.starts_with("openai/gpt-oss").then_some("low"),
            response_format: json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "strict": true, "schema": schema },
            }),
        }
    }
}

fn parse<R: DeserializeOwned>(body: &[u8]) -> Option<R> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    serde_json::from_str(&completion.choices.first()?.message.content).ok()
}

impl std::fmt::Debug for Groq {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Groq").field("models", &self.models).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_what_the_model_takes() {
        let turns = [Turn { role: Role::User, content: "hi".to_owned() }];
        let schema = json!({ "type": "object" });
        let body = |model| json!(CompletionRequest::new(model, &turns, &schema));
        assert_eq!(body("openai/gpt-oss-20b")["reasoning_effort"], "low");
        assert_eq!(body("llama")["reasoning_effort"], Value::Null);
        assert_eq!(body("llama")["messages"], json!([{ "role": "user", "content": "hi" }]));
        assert_eq!(body("llama")["response_format"]["json_schema"]["schema"], schema);
    }

    #[test]
    fn only_a_completion_of_the_right_form_is_one() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Answer {
            reply: String,
        }
        let completion = |content: &str| {
            json!({ "choices": [{ "message": { "content": content } }] }).to_string()
        };
        let parse = |body: &str| parse::<Answer>(body.as_bytes());
        let good = Answer { reply: "hi".to_owned() };
        assert_eq!(parse(&completion(r#"{"reply":"hi"}"#)), Some(good));
        for bad in ["", "{}", r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":null}}]}"#]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&completion("plain words")), None);
    }
}
