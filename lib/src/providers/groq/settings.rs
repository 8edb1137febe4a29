//! Which of Groq's models answer, and the key to them.

use secrecy::SecretString;
use url::Url;

use crate::settings::Reader;

/// What it takes to call Groq.
#[derive(Debug)]
pub struct GroqApi {
    /// The API's base URL.
    pub url: Url,
    /// A `gsk_…` key.
    pub api_key: SecretString,
    /// Model ids in order of preference.
    pub models: Vec<String>,
}

impl Reader<'_> {
    /// Reads what [`GroqApi`] holds.
    pub fn groq(&self) -> Option<GroqApi> {
        let url = self.provider_url("GROQ_API_URL", "https://api.groq.com");
        let api_key = self.secret("GROQ_API_KEY");
        let models = self.list("GROQ_MODELS");
        Some(GroqApi { url: url?, api_key: api_key?, models: models? })
    }
}
