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
        groq::{Groq, settings::GroqApi},
        stripe::{client::Stripe, settings::StripeApi},
        supabase::{
            OwnerDatabase, Supabase,
            auth::Auth,
            settings::{Publishable, SupabaseApi},
            storage::Storage,
        },
        twilio::{client::Twilio, settings::TwilioApi},
    },
    session::{Verifier, settings::AccessTokens},
    settings::{Group, Reader, SettingsError},
};

/// The answer of a call whose answer says nothing.
#[derive(serde::Deserialize)]
struct Nothing {}

/// What a process shares while it starts.
pub struct Context<'r> {
    reader: &'r Reader<'r>,
    groups: &'r [Group],
    apis: Apis,
    egress: Option<Egress>,
    supabase: OnceCell<Option<Supabase>>,
    sessions: OnceCell<Option<Arc<Verifier>>>,
}

/// The settings of what a process calls, each read once.
#[derive(Default)]
struct Apis {
    supabase: Option<SupabaseApi>,
    publishable: Option<Publishable>,
    access_tokens: Option<AccessTokens>,
    groq: Option<GroqApi>,
    stripe: Option<StripeApi>,
    twilio: Option<TwilioApi>,
}

impl Apis {
    fn read(reader: &Reader<'_>, groups: &[Group]) -> Self {
        let mut apis = Self::default();
        for group in groups {
            match group {
                Group::Supabase => apis.supabase = reader.supabase(),
                Group::Publishable => apis.publishable = reader.publishable(),
                Group::AccessTokens => apis.access_tokens = reader.access_tokens(),
                Group::Groq => apis.groq = reader.groq(),
                Group::StripeApi => apis.stripe = reader.stripe_api(),
                Group::TwilioApi => apis.twilio = reader.twilio_api(),
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
        apis
    }

    /// The hosts that the process may reach.
    fn hosts(&self) -> Vec<&Url> {
        let Self { supabase, publishable, access_tokens, groq, stripe, twilio } = self;
        let mut hosts = Vec::new();
        hosts.extend(supabase.as_ref().map(|api| &api.url));
        hosts.extend(publishable.as_ref().map(|api| &api.url));
        hosts.extend(access_tokens.as_ref().map(|keys| &keys.url));
        hosts.extend(groq.as_ref().map(|api| &api.url));
        hosts.extend(stripe.as_ref().map(|api| &api.url));
        hosts.extend(twilio.iter().flat_map(|api| [&api.url, &api.media_url]));
        hosts
    }
}

impl<'r> Context<'r> {
    /// For a process that reads `groups` and nothing else.
    pub fn new(reader: &'r Reader<'r>, groups: &'r [Group]) -> Self {
        let apis = Apis::read(reader, groups);
        let egress = Egress::from_settings(reader, &apis.hosts());
        let (supabase, sessions) = (OnceCell::new(), OnceCell::new());
        Self { reader, groups, apis, egress, supabase, sessions }
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
            let api = self.api(Group::Supabase, &self.apis.supabase)?;
            Some(Supabase::new(api, self.egress_to(&[&api.url])?))
        };
        self.supabase.get_or_init(make).clone()
    }

    /// Objects in private buckets.
    pub fn storage(&self) -> Option<Storage> {
        let api = self.api(Group::Supabase, &self.apis.supabase)?;
        Storage::new(api, self.egress_to(&[&api.url])?)
    }

    /// Calls of functions in the database, with an owner's own token.
    pub fn owners(&self) -> Option<OwnerDatabase> {
        let api = self.api(Group::Publishable, &self.apis.publishable)?;
        Some(OwnerDatabase::new(api, self.egress_to(&[&api.url])?))
    }

    /// Signing in and up.
    pub fn auth(&self) -> Option<Auth> {
        let api = self.api(Group::Publishable, &self.apis.publishable)?;
        Some(Auth::new(api, self.egress_to(&[&api.url])?))
    }

    /// The models.
    pub fn groq(&self) -> Option<Groq> {
        let api = self.api(Group::Groq, &self.apis.groq)?;
        Groq::new(api, self.egress_to(&[&api.url])?)
    }

    /// Texts out.
    pub fn twilio(&self) -> Option<Twilio> {
        let api = self.api(Group::TwilioApi, &self.apis.twilio)?;
        Twilio::new(api, self.egress_to(&[&api.url, &api.media_url])?)
    }

    /// What shops pay for.
    pub fn stripe(&self) -> Option<Stripe> {
        let api = self.api(Group::StripeApi, &self.apis.stripe)?;
        Stripe::new(api, self.egress_to(&[&api.url])?)
    }

    /// The one verifier of owners' access tokens.
    pub fn sessions(&self) -> Option<Arc<Verifier>> {
        let make = || {
            let tokens = self.api(Group::AccessTokens, &self.apis.access_tokens)?;
            Some(Arc::new(Verifier::new(tokens, self.egress_to(&[&tokens.url])?)))
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

    /// Settings that were read, of a group that the process has.
    fn api<'a, T>(&self, group: Group, api: &'a Option<T>) -> Option<&'a T> {
        debug_assert!(self.groups.contains(&group), "{group:?} is not a group of this process");
        api.as_ref()
    }

    fn egress_to(&self, hosts: &[&Url]) -> Option<Egress> {
        Some(self.egress.as_ref()?.only(hosts))
    }
}
