//! What access tokens are verified with.

use secrecy::SecretString;
use url::Url;

use crate::settings::Reader;

/// What it takes to know an access token of Supabase Auth.
#[derive(Debug)]
pub struct AccessTokens {
    /// The project's URL, by which it calls itself in its tokens.
    pub url: Url,
    /// What a project signs with that has no signing keys yet.
    pub legacy_secret: Option<SecretString>,
}

impl AccessTokens {
    /// Who the tokens say they are of.
    pub fn issuer(&self) -> String {
        format!("{}/auth/v1", self.url.as_str().trim_end_matches('/'))
    }
}

impl Reader<'_> {
    /// Reads what [`AccessTokens`] holds.
    pub fn access_tokens(&self) -> Option<AccessTokens> {
        let url = self.supabase_url();
        // RFC 7518, section 3.2, asks for as much as the hash has.
        let legacy_secret = match self.optional("SUPABASE_JWT_SECRET") {
            Some(_) => self.long_secret("SUPABASE_JWT_SECRET", 32).map(Some),
            None => Some(None),
        };
        Some(AccessTokens { url: url?, legacy_secret: legacy_secret? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use secrecy::ExposeSecret as _;

    #[test]
    fn the_legacy_secret_of_tokens_may_be_left_out_but_not_be_short() {
        let read = |secret: &str| {
            let lookup = |name: &str| match name {
                "SUPABASE_URL" => Some("https://project.supabase.co".to_owned()),
                "SUPABASE_JWT_SECRET" => Some(secret.to_owned()),
                _ => None,
            };
            let reader = Reader::new(&lookup);
            let tokens = reader.access_tokens();
            reader.finish(tokens)
        };
        let without = read("").unwrap();
        assert_eq!(without.issuer(), "https://project.supabase.co/auth/v1");
        assert!(without.legacy_secret.is_none());
        let canary = "canary".repeat(6);
        let with = read(&canary).unwrap();
        assert_eq!(with.legacy_secret.as_ref().unwrap().expose_secret(), canary);
        assert!(!format!("{with:?}").contains("canary"));
        let short = read("canary").unwrap_err().0;
        assert_eq!(short, ["SUPABASE_JWT_SECRET is shorter than 32 characters"]);
    }
}
