//! Patterns of paths, as the `source` of a rule in `vercel.json`.

use std::str::FromStr;

use anyhow::bail;

/// Any characters, or none: with [`EXCEPT`] all that is understood here of Vercel's patterns.
const ANYTHING: &str = "(.*)";

/// Any characters, or none, but for what begins with the literal in the middle. It stands at
/// the end only.
const EXCEPT: (&str, &str) = ("((?!", ").*)");

/// A pattern of paths, e.g. `/api/(.*)`.
#[derive(Debug)]
pub(super) struct Source {
    /// What stands before, between and after each [`ANYTHING`].
    literals: Vec<String>,
    /// What the last [`ANYTHING`] does not begin with.
    except: Option<String>,
}

impl FromStr for Source {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let excepting = text.strip_suffix(EXCEPT.1).and_then(|text| text.split_once(EXCEPT.0));
        let (pattern, except) = match excepting {
            Some((before, except)) => (format!("{before}{ANYTHING}"), Some(except.to_owned())),
            None => (text.to_owned(), None),
        };
        let literals: Vec<String> = pattern.split(ANYTHING).map(str::to_owned).collect();
        let has_other = literals
            .iter()
            .any(|literal| literal.contains(['(', ')', '{', '}', ':', '*', '?', '+', '\\']));
        // Within a group Vercel takes a regular expression; these letters stand for themselves.
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_".contains(letter);
        let is_expression = except.as_ref().is_some_and(|except| !except.chars().all(is_plain));
        if has_other || is_expression {
            bail!(
                "the local edge understands no other patterns than `{ANYTHING}` and, at the \
                 end, `{}…{}`: `{text}`",
                EXCEPT.0,
                EXCEPT.1
            );
        }
        if !text.starts_with('/') {
            bail!("a `source` starts with a slash: `{text}`");
        }
        Ok(Self { literals, except })
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
        if self.except.as_ref().is_some_and(|except| rest.starts_with(except)) {
            return false;
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
        check("/((?!api/).*)", "/", true);
        check("/((?!api/).*)", "/api", true);
        check("/((?!api/).*)", "/apis/a", true);
        check("/((?!api/).*)", "/a/api/b", true);
        check("/((?!api/).*)", "/api/", false);
        check("/((?!api/).*)", "/api/a", false);
    }

    #[test]
    fn a_pattern_that_would_be_misunderstood_is_refused() {
        for source in ["/:path*", "/(a|b)", "/((?!a|b).*)", "/((?!api/).*)/a", "/a{b}?", "api/(.*)"]
        {
            assert!(source.parse::<Source>().is_err(), "{source}");
        }
    }
}
