//! Which project of Supabase is ours, and the keys to it.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::settings::Reader;

/// Where Supabase is and how we show who we are.
#[derive(Debug)]
pub struct SupabaseApi {
    /// The project's URL.
    pub url: Url,
    /// An `sb_secret_…` key, sent as `apikey`.
    pub secret_key: SecretString,
}

/// Where Supabase is, and its publishable key.
#[derive(Debug)]
pub struct Publishable {
    /// The project's URL.
    pub url: Url,
    /// An `sb_publishable_…` key, sent as `apikey`. No secret: what it opens, an
    /// owner's token decides.
    pub key: String,
}

impl Reader<'_> {
    /// Reads `SUPABASE_URL` and `SUPABASE_SECRET_KEY`.
    pub fn supabase(&self) -> Option<SupabaseApi> {
        let url = self.supabase_url();
        let secret_key = self.secret("SUPABASE_SECRET_KEY");
        Some(SupabaseApi { url: url?, secret_key: secret_key? })
    }

    /// Reads what [`Publishable`] holds.
    pub fn publishable(&self) -> Option<Publishable> {
        let url = self.supabase_url();
        let key = self.secret("SUPABASE_PUBLISHABLE_KEY")?.expose_secret().to_owned();
        if key.starts_with("sb_secret_") {
            self.fault("SUPABASE_PUBLISHABLE_KEY is a secret key");
            return None;
        }
        Some(Publishable { url: url?, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_is_not_taken_for_a_publishable_one() {
        let read = |key: &str| {
            let lookup = |name: &str| match name {
                "SUPABASE_URL" => Some("https://project.supabase.co".to_owned()),
                "SUPABASE_PUBLISHABLE_KEY" => Some(key.to_owned()),
                _ => None,
            };
            let reader = Reader::new(&lookup);
            let publishable = reader.publishable();
            reader.finish(publishable).map(|publishable| publishable.key)
        };
        assert_eq!(read("sb_publishable_fake").as_deref(), Ok("sb_publishable_fake"));
        for (key, fault) in [
            ("sb_secret_fake", "SUPABASE_PUBLISHABLE_KEY is a secret key"),
            ("", "SUPABASE_PUBLISHABLE_KEY is not set"),
        ] {
            assert_eq!(read(key), Err(crate::settings::SettingsError(vec![fault.to_owned()])));
        }
    }
}
