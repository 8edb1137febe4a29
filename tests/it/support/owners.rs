//! The console, as a function holds it, and owners who have signed in.

use leadslock::{
    context::Context,
    owner::{Console, Owner, shop::ProfileForm},
    providers::egress::Egress,
    session::{Verifier, settings::AccessTokens},
    settings::{Group, Reader},
};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use simulators::{groq, twilio};
use stack::product;
use tokio_postgres::{Client, error::SqlState};

use super::TestStack;

/// What passes as the profile of a shop.
pub(crate) const PROFILE: ProfileForm<'static> = ProfileForm {
    name: "Bagels du Parc",
    mailing_address: "5253 avenue du Parc, Montréal QC",
    contact_email: "allo@bagels.example",
    contact_phone: "",
    website: "",
    time_zone: "America/Vancouver",
    language: "fr",
    about: "Ouvert 24 heures. Bagel 1,50 $.",
    instructions: "",
};

impl TestStack {
    /// The console, with everything behind it that the functions have.
    pub(crate) fn console(&self) -> Console {
        let (twilio, groq) = (twilio::Options::default(), groq::Options::default());
        let lookup = |name: &str| {
            Some(match name {
                "VERCEL_ENV" => "development".to_owned(),
                "PUBLIC_BASE_URL" => self.url("/").to_string(),
                "SUPABASE_URL" => self.interceptor.url().to_string(),
                "SUPABASE_SECRET_KEY" => self.secret_key().to_owned(),
                "SUPABASE_PUBLISHABLE_KEY" => self.supabase().1.to_owned(),
                "TWILIO_ACCOUNT_SID" => twilio.account_sid.clone(),
                "TWILIO_API_KEY_SID" => twilio.api_key_sid.clone(),
                "TWILIO_API_KEY_SECRET" => twilio.api_key_secret.expose_secret().to_owned(),
                "TWILIO_API_URL" => self.simulator().twilio_api_url(),
                "GROQ_API_KEY" => groq.api_key.expose_secret().to_owned(),
                "GROQ_MODELS" => groq.models.join(","),
                "GROQ_API_URL" => self.simulator().groq_api_url(),
                "SUPPRESSION_KEY" => product::SUPPRESSION_KEY.to_owned(),
                _ => return None,
            })
        };
        let reader = Reader::new(&lookup);
        let groups = [
            Group::Supabase,
            Group::Publishable,
            Group::PublicOrigins,
            Group::TwilioApi,
            Group::Groq,
        ];
        let console = Console::of(&Context::new(&reader, &groups));
        reader.finish(console).unwrap()
    }

    /// Who the bearer of a token is, as a function verifies it.
    pub(crate) async fn owner_of(&self, token: &str) -> Owner {
        let url = self.interceptor.url().clone();
        let egress = Egress::new(&[&url], None).unwrap();
        let verifier = Verifier::new(&AccessTokens { url, legacy_secret: None }, egress);
        let header = format!("Bearer {token}").parse().unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
        Owner::new(verifier.verify(&headers).await.unwrap(), SecretString::from(token))
    }

    /// The demo shop's owner, signed in.
    pub(crate) async fn demo_owner(&self) -> Owner {
        self.owner_of(&self.sign_in_owner().await).await
    }

    /// Signs up, and returns the access token.
    pub(crate) async fn sign_up(&self, email: &str) -> String {
        let (url, key) = self.supabase();
        let body = json!({ "email": email, "password": "bagels before dawn" }).to_string();
        let request = self.client.post(url.join("/auth/v1/signup").unwrap()).header("apikey", key);
        let request = request.header("content-type", "application/json").body(body);
        assert!(request.send().await.unwrap().status().is_success());
        self.sign_in(email, "bagels before dawn").await
    }
}

/// A connection that reads as an owner's browser would, if PostgREST let it name tables.
pub(crate) struct AsOwner(Client);

impl AsOwner {
    /// Takes the claims of `token`, as PostgREST does once it has verified them.
    pub(crate) async fn new(stack: &TestStack, token: &str) -> Self {
        let claims = token.split('.').nth(1).unwrap();
        let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims);
        Self::with_claims(stack, &String::from_utf8(claims.unwrap()).unwrap()).await
    }

    /// Takes these claims.
    pub(crate) async fn with_claims(stack: &TestStack, claims: &str) -> Self {
        let client = stack.connect().await;
        let set = "select set_config('request.jwt.claims', $1, false)";
        client.execute(set, &[&claims]).await.unwrap();
        client.batch_execute("set role authenticated").await.unwrap();
        Self(client)
    }

    /// The only value of a query, as text; or the code it is refused with.
    pub(crate) async fn value(&self, sql: &str) -> Result<String, String> {
        let sql = format!("select coalesce(({sql})::text, 'null')");
        match self.0.query_one(&sql, &[]).await {
            Ok(row) => Ok(row.get(0)),
            Err(error) => Err(error.code().unwrap().code().to_owned()),
        }
    }

    /// Whether a statement is refused for want of rights.
    pub(crate) async fn is_refused(&self, sql: &str) -> bool {
        let refused = self.0.batch_execute(sql).await.err();
        refused.is_some_and(|error| error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
    }
}
