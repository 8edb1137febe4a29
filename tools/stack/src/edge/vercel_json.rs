//! The parts of `vercel.json` that matter on one machine.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::{schedule::Schedule, source::Source};

/// What Vercel needs and the local edge does not.
const WITHOUT_EFFECT_HERE: [&str; 5] =
    ["$schema", "buildCommand", "framework", "installCommand", "regions"];

/// How long a function may take on Vercel unless `vercel.json` says otherwise.
const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(300);

/// What `vercel.json` says, checked.
#[derive(Debug)]
pub(super) struct VercelJson {
    /// How long functions may take, by their file, e.g. `api/sms/inbound.rs`.
    durations: BTreeMap<String, Duration>,
    /// Which paths are called when.
    pub(super) crons: Vec<Cron>,
    headers: Vec<HeaderRule>,
    rewrites: Vec<Rewrite>,
    /// The folder of the static files.
    pub(super) output_directory: String,
}

/// A path that Vercel's scheduler calls.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    pub(super) path: String,
    pub(super) schedule: Schedule,
}

/// Headers for all responses to paths that fit.
#[derive(Debug)]
struct HeaderRule {
    source: Source,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Where requests go whose path fits, if there is neither a function nor a file there.
#[derive(Debug)]
struct Rewrite {
    source: Source,
    destination: String,
}

impl VercelJson {
    /// Reads the file at `path`. `functions` are the files that are functions.
    pub(super) fn read(path: &Path, functions: &[&str]) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text, functions).with_context(|| format!("{} is wrong", path.display()))
    }

    fn parse(text: &str, functions: &[&str]) -> anyhow::Result<Self> {
        let written: Written = serde_json::from_str(text)?;
        let mut others = written.others.keys().map(String::as_str);
        if let Some(name) = others.find(|name| !WITHOUT_EFFECT_HERE.contains(name)) {
            bail!("the local edge does not know what `{name}` does; teach it before using it");
        }

        let mut durations = BTreeMap::new();
        for (file, settings) in written.functions {
            if !functions.contains(&file.as_str()) {
                bail!("`functions` names {file}, which is not a function");
            }
            if let Some(seconds) = settings.max_duration {
                durations.insert(file, Duration::from_secs(seconds));
            }
        }
        Ok(Self {
            durations,
            crons: written.crons.into_iter().map(WrittenCron::checked).collect::<Result<_, _>>()?,
            headers: written
                .headers
                .into_iter()
                .map(WrittenHeaders::checked)
                .collect::<Result<_, _>>()?,
            rewrites: written
                .rewrites
                .into_iter()
                .map(|rewrite| rewrite.checked(functions))
                .collect::<Result<_, _>>()?,
            output_directory: written.output_directory,
        })
    }

    /// The path of the function that answers for `path`, by the first rule that fits.
    pub(super) fn rewritten(&self, path: &str) -> Option<&str> {
        let mut rules = self.rewrites.iter();
        rules.find(|rule| rule.source.fits(path)).map(|rule| rule.destination.as_str())
    }

    /// How long the function in `file` may take.
    pub(super) fn duration(&self, file: &str) -> Duration {
        self.durations.get(file).copied().unwrap_or(DEFAULT_MAX_DURATION)
    }

    /// The headers configured for `path`. Where several rules fit, the last one wins.
    pub(super) fn headers(&self, path: &str) -> HeaderMap {
        let rules = self.headers.iter().filter(|rule| rule.source.fits(path));
        let mut headers = HeaderMap::new();
        for (name, value) in rules.flat_map(|rule| &rule.headers) {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }
}

/// `vercel.json` as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(default)]
    functions: BTreeMap<String, WrittenFunction>,
    #[serde(default)]
    crons: Vec<WrittenCron>,
    #[serde(default)]
    headers: Vec<WrittenHeaders>,
    #[serde(default)]
    rewrites: Vec<WrittenRewrite>,
    output_directory: String,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

/// A function's settings. Memory and the like have no effect here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFunction {
    max_duration: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCron {
    path: String,
    schedule: String,
}

impl WrittenCron {
    fn checked(self) -> anyhow::Result<Cron> {
        Ok(Cron { path: self.path, schedule: self.schedule.parse()? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRewrite {
    source: String,
    destination: String,
}

impl WrittenRewrite {
    /// A rewrite leads to a function: the edge knows no other kind.
    fn checked(self, functions: &[&str]) -> anyhow::Result<Rewrite> {
        let Self { source, destination } = self;
        let file = format!("{}.rs", destination.trim_start_matches('/'));
        if !functions.contains(&file.as_str()) {
            bail!("a rewrite leads to {destination}, which is not a function");
        }
        Ok(Rewrite { source: source.parse()?, destination })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHeaders {
    source: String,
    headers: Vec<WrittenHeader>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHeader {
    key: String,
    value: String,
}

impl WrittenHeaders {
    fn checked(self) -> anyhow::Result<HeaderRule> {
        let mut headers = Vec::new();
        for WrittenHeader { key, value } in self.headers {
            let not_a_header = || format!("`{key}: {value}` is not a header");
            let name = key.parse().with_context(not_a_header)?;
            headers.push((name, value.parse().with_context(not_a_header)?));
        }
        Ok(HeaderRule { source: self.source.parse()?, headers })
    }
}
