//! What a process has once, and every part of it shares: the settings it has read,
//! one HTTP client with one closed list of hosts, one verifier of access tokens.
//!
//! A part asks for the clients it needs, and says what it is made of; it makes no
//! client of its own. Each client reaches its own hosts only, and none that is not
//! on the list of the process.

use std::{cell::OnceCell, sync::Arc};

use url::Url;

use crate::{
    edge::refusals::Refusals,
    providers::{
        egress::Egress,
        groq::Groq,
        stripe::client::Stripe,
        supabase::{OwnerDatabase, Supabase, auth::Auth, storage::Storage},
        twilio::client::Twilio,
    },
    session::Verifier,
    settings::{Group, Reader, SettingsError},
};

/// The answer of a call whose answer says nothing.
#[derive(serde::Deserialize)]
struct Nothing {}

/// What a process shares while it starts.
pub struct Context<'r> {
    reader: &'r Reader<'r>,
    groups: &'r [Group],
    egress: Option<Egress>,
    supabase: OnceCell<Option<Supabase>>,
    sessions: OnceCell<Option<Arc<Verifier>>>,
}

impl<'r> Context<'r> {
    /// For a process that reads `groups` and nothing else.
    pub fn new(reader: &'r Reader<'r>, groups: &'r [Group]) -> Self {
        let mut hosts = Vec::new();
        for group in groups {
            match group {
                Group::Supabase => hosts.extend(reader.supabase().map(|api| api.url)),
                Group::Publishable => hosts.extend(reader.publishable().map(|api| api.url)),
                Group::AccessTokens => hosts.extend(reader.access_tokens().map(|keys| keys.url)),
                Group::Groq => hosts.extend(reader.groq().map(|api| api.url)),
                Group::StripeApi => hosts.extend(reader.stripe_api().map(|api| api.url)),
                Group::TwilioApi => {
                    hosts
                        .extend(reader.twilio_api().into_iter().flat_map(|a| [a.url, a.media_url]));
                }
                Group::BackupKeys
                | Group::Contacts
                | Group::CronSecret
                | Group::CsrfKey
                | Group::PublicOrigins
                | Group::StripeOffer
                | Group::StripeWebhooks
                | Group::SuppressionKey
                | Group::TwilioWebhooks => {}
            }
        }
        let hosts: Vec<&Url> = hosts.iter().collect();
        let egress = Egress::from_settings(reader, &hosts);
        Self { reader, groups, egress, supabase: OnceCell::new(), sessions: OnceCell::new() }
    }

    /// Makes what a process holds between requests, or says all that is wrong with its
    /// settings. `make` returns `None` where something is.
    pub fn build<T>(
        reader: Reader<'_>,
        groups: &[Group],
        make: impl FnOnce(&Context<'_>) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let made = make(&Context::new(&reader, groups));
        reader.finish(made)
    }

    /// Reads a group of settings that is about no client.
    pub fn read<T>(&self, group: Group, read: impl FnOnce(&Reader<'r>) -> Option<T>) -> Option<T> {
        debug_assert!(self.groups.contains(&group), "{group:?} is not a group of this process");
        read(self.reader)
    }

    /// Calls of functions in the database, with the secret key.
    pub fn supabase(&self) -> Option<Supabase> {
        let make = || {
            let api = self.read(Group::Supabase, Reader::supabase)?;
            Some(Supabase::new(&api, self.egress_to(&[&api.url])?))
        };
        self.supabase.get_or_init(make).clone()
    }

    /// Objects in private buckets.
    pub fn storage(&self) -> Option<Storage> {
        let api = self.read(Group::Supabase, Reader::supabase)?;
        Storage::new(&api, self.egress_to(&[&api.url])?)
    }

    /// Calls of functions in the database, with an owner's own token.
    pub fn owners(&self) -> Option<OwnerDatabase> {
        let api = self.read(Group::Publishable, Reader::publishable)?;
        Some(OwnerDatabase::new(&api, self.egress_to(&[&api.url])?))
    }

    /// Signing in and up.
    pub fn auth(&self) -> Option<Auth> {
        let api = self.read(Group::Publishable, Reader::publishable)?;
        Some(Auth::new(&api, self.egress_to(&[&api.url])?))
    }

    /// The models.
    pub fn groq(&self) -> Option<Groq> {
        let api = self.read(Group::Groq, Reader::groq)?;
        Groq::new(&api, self.egress_to(&[&api.url])?)
    }

    /// Texts out.
    pub fn twilio(&self) -> Option<Twilio> {
        let api = self.read(Group::TwilioApi, Reader::twilio_api)?;
        Twilio::new(&api, self.egress_to(&[&api.url, &api.media_url])?)
    }

    /// What shops pay for.
    pub fn stripe(&self) -> Option<Stripe> {
        let api = self.read(Group::StripeApi, Reader::stripe_api)?;
        Stripe::new(&api, self.egress_to(&[&api.url])?)
    }

    /// The one verifier of owners' access tokens.
    pub fn sessions(&self) -> Option<Arc<Verifier>> {
        let make = || {
            let tokens = self.read(Group::AccessTokens, Reader::access_tokens)?;
            Some(Arc::new(Verifier::new(&tokens, self.egress_to(&[&tokens.url])?)))
        };
        self.sessions.get_or_init(make).clone()
    }

    /// Counts of the refusals of the function at `path`, which are written to the database.
    pub fn refusals(&self, path: &'static str) -> Option<Refusals> {
        let supabase = self.supabase()?;
        Some(Refusals::of(path, move |counts| {
            let supabase = supabase.clone();
            Box::pin(async move {
                if let Err(error) = supabase.call::<_, Nothing>("count_refusals", &counts).await {
                    tracing::warn!(%error, "counts of refusals were lost");
                }
            })
        }))
    }

    fn egress_to(&self, hosts: &[&Url]) -> Option<Egress> {
        Some(self.egress.as_ref()?.only(hosts))
    }
}
