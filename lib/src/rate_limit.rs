//! How often somebody may do something, counted in Postgres: functions come and
//! go, and an attacker's requests reach many of them at once.
//!
//! A limit is a bucket that fills up evenly (GCRA): so many at once, and after
//! that one for every so many seconds. Whom it is about is kept as a keyed hash,
//! for a day at most; an address in clear is nowhere.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use trust::text::hex;

use crate::providers::supabase::{RpcError, Supabase};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Signing in to one account, by its e-mail address.
    SignIn,
    /// Signing in from one address of the network.
    SignInFrom,
    /// Signing up from one address of the network.
    SignUpFrom,
    /// Codes sent to one e-mail address.
    Code,
    /// Codes asked for from one address of the network.
    CodeFrom,
    /// Texts one owner sends by hand.
    OwnerText,
    /// Questions one owner tries the assistant with.
    TryAssistant,
    /// Exports one owner asks for, of the account or of a lead.
    Export,
}

/// So many in so many seconds, all of them at once if need be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    limit: u32,
    per_seconds: u32,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::SignInFrom,
        Self::SignUpFrom,
        Self::Code,
        Self::CodeFrom,
        Self::OwnerText,
        Self::TryAssistant,
        Self::Export,
    ];

    /// The table of limits. By address of the network they are wide: offices and
    /// phones share one.
    const fn rate(self) -> Rate {
        const HOUR: u32 = 3600;
        let (limit, per_seconds) = match self {
            Self::SignIn => (10, HOUR / 4),
            Self::SignInFrom => (60, HOUR / 4),
            Self::SignUpFrom => (10, HOUR),
            Self::Code => (5, HOUR),
            Self::CodeFrom => (30, HOUR),
            Self::OwnerText => (60, HOUR / 12),
            Self::TryAssistant => (20, HOUR / 6),
            Self::Export => (20, HOUR),
        };
        Rate { limit, per_seconds }
    }
}

/// Whether somebody may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Allowed,
    /// Not before so long has passed.
    Wait(Duration),
}

/// What `rpc/take_rate_limit` is told.
#[derive(Serialize)]
struct TakeRateLimit {
    kind: Limit,
    subject: String,
    limit: u32,
    per_seconds: u32,
}

#[derive(Deserialize)]
struct Taken {
    allowed: bool,
    retry_after_seconds: u64,
}

/// Counts, under a key without which nobody tells whom.
#[derive(Clone)]
pub struct RateLimits(Hmac<Sha256>);

impl RateLimits {
    /// Keys the hash with the value of `SUPPRESSION_KEY`. What is hashed begins with
    /// a word, so it is never what opt-outs are kept under.
    pub fn new(key: &SecretString) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
        let mac = Hmac::new_from_slice(key.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        Self(mac)
    }

    /// Counts one of `limit` for `subject`: an address, an e-mail address in lower
    /// case, or an owner's id.
    ///
    /// A database that does not answer is the caller's to judge; what is limited
    /// here needs it anyway.
    pub async fn take(
        &self,
        supabase: &Supabase,
        limit: Limit,
        subject: &str,
    ) -> Result<Verdict, RpcError> {
        let Rate { limit: count, per_seconds } = limit.rate();
        let subject = self.hash(limit, subject);
        let request = TakeRateLimit { kind: limit, subject, limit: count, per_seconds };
        let taken: Taken = supabase.call("take_rate_limit", &request).await?;
        if taken.allowed {
            return Ok(Verdict::Allowed);
        }
        tracing::info!(?limit, "rate limit exceeded");
        Ok(Verdict::Wait(Duration::from_secs(taken.retry_after_seconds.max(1))))
    }

    /// What is stored of `subject`; another for each limit, so that rows about one
    /// person are not known to be.
    fn hash(&self, limit: Limit, subject: &str) -> String {
        let mac = self.0.clone();
        let mac = mac.chain_update(format!("rate limit {limit:?} ")).chain_update(subject);
        hex::encode(&mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for RateLimits {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RateLimits")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_subject_is_another_one_under_each_limit_and_key() {
        let hashes: BTreeSet<_> = ["a", "b"]
            .iter()
            .flat_map(|key| Limit::ALL.map(|limit| (key, limit)))
            .map(|(key, limit)| RateLimits::new(&(*key).into()).hash(limit, "192.0.2.1"))
            .collect();
        assert_eq!(hashes.len(), 16);
        assert!(hashes.iter().all(|hash| hash.len() == 64 && !hash.contains("192")));
    }

    #[test]
    fn nobody_waits_longer_than_a_day_for_anything() {
        for limit in Limit::ALL {
            let rate = limit.rate();
            assert!(rate.limit > 0 && (1..=24 * 3600).contains(&rate.per_seconds), "{limit:?}");
        }
    }
}
