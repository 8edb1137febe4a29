//! Patterns of paths, as the `source` of a rule in `vercel.json`.

use std::str::FromStr;

use anyhow::bail;

/// The one construct of Vercel's patterns that is understood here: any characters, or none.
const ANYTHING: &str = "(.*)";

/// A pattern of paths, e.g. `/api/(.*)`.
#[derive(Debug)]
pub(super) struct Source {
    /// What stands before, between and after each [`ANYTHING`].
    literals: Vec<String>,
}

impl FromStr for Source {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let literals: Vec<String> = text.split(ANYTHING).map(str::to_owned).collect();
        if literals
            .iter()
            .any(|literal| literal.contains(['(', ')', '{', '}', ':', '*', '?', '+', '\\']))
        {
            bail!("the local edge understands no other pattern than `{ANYTHING}`: `{text}`");
        }
        if !text.starts_with('/') {
            bail!("a `source` starts with a slash: `{text}`");
        }
        Ok(Self { literals })
    }
}

impl Source {
    /// Whether the whole of `path` fits.
    pub(super) fn fits(&self, path: &str) -> bool {
        let Some((first, others)) = self.literals.split_first() else { return false };
        let Some((last, between)) = others.split_last() else { return path == first };
        let Some(mut rest) = path.strip_prefix(first.as_str()) else { return false };
        for literal in between {
            let Some((_, after)) = rest.split_once(literal.as_str()) else { return false };
            rest = after;
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, path: &str, fits: bool) {
        assert_eq!(source.parse::<Source>().unwrap().fits(path), fits, "{source} {path}");
    }

    #[test]
    fn a_pattern_fits_whole_paths() {
        check("/", "/", true);
        check("/", "/a", false);
        check("/a", "/a", true);
        check("/a", "/a/", false);
        check("/a", "/A", false);
        check("/(.*)", "/", true);
        check("/(.*)", "/a/b.css", true);
        check("/api/(.*)", "/api/sms/inbound", true);
        check("/api/(.*)", "/api", false);
        check("/(.*).css", "/style.css", true);
        check("/(.*).css", "/style.css.map", false);
        check("/(.*)/b/(.*).js", "/a/b/c.js", true);
        check("/(.*)/b/(.*).js", "/a/c.js", false);
        check("/a(.*)a", "/a", false);
    }

    #[test]
    fn a_pattern_that_would_be_misunderstood_is_refused() {
        for source in ["/:path*", "/(a|b)", "/((?!api/).*)", "/a{b}?", "api/(.*)"] {
            assert!(source.parse::<Source>().is_err(), "{source}");
        }
    }
}
