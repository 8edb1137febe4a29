//! `/changelog`: CHANGELOG.md, as it was when this was compiled.

use maud::{Markup, html};

use crate::pages::{Visit, layout, words::words};

words! {
    /// The changelog.
    ChangelogWords {
        title: "Changelog", "Journal des changements";
        lead:
            "What has changed. What matters for security is marked.",
            "Ce qui a changé. Ce qui compte pour la sécurité est marqué.";
        security_tag: "security", "sécurité";
        audit:
            "Date of the last external audit: there has been none yet.",
            "Date du dernier audit externe : il n’y en a pas encore eu.";
        only_english: "Entries are kept in English.", "Les entrées sont tenues en anglais.";
    }
}

const SOURCE: &str = include_str!("../../../../CHANGELOG.md");

/// How entries begin that matter for security.
const SECURITY: &str = "**[security]** ";

/// A line of the changelog, as far as its form matters.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Version(&'a str),
    Kind(&'a str),
    Entry { is_security: bool, text: &'a str },
}

/// The lines that say what changed; what comes before the first version is for who writes.
fn lines(source: &str) -> impl Iterator<Item = Line<'_>> {
    let source = source.split_once("\n## ").map_or("", |(before, _)| &source[before.len()..]);
    source.lines().filter_map(|line| {
        if let Some(version) = line.strip_prefix("## ") {
            Some(Line::Version(version.trim_matches(['[', ']'])))
        } else if let Some(kind) = line.strip_prefix("### ") {
            Some(Line::Kind(kind))
        } else {
            let entry = line.strip_prefix("- ")?;
            let text = entry.strip_prefix(SECURITY);
            Some(Line::Entry { is_security: text.is_some(), text: text.unwrap_or(entry) })
        }
    })
}

/// A text with `code` and [links](…) in it. A link leads into the repository, whose
/// place the product does not know: its words stay.
fn inline(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } }
            @else { (without_links(part)) }
        }
    }
}

fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, words, after)) = link(rest) {
        out.push_str(before);
        out.push_str(words);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands before the first link, its words, and what comes after.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (words, rest) = rest.split_once("](")?;
    let (_, after) = rest.split_once(')')?;
    Some((before, words, after))
}

pub(crate) fn page(visit: &Visit) -> Markup {
    let words = ChangelogWords::of(visit.language);
    let content = html! {
        h1 { (words.title) }
        p.prose { (words.lead) " " (words.only_english) }
        p.notice { (words.audit) }
        div.prose lang="en" {
            @for line in lines(SOURCE) {
                @match line {
                    Line::Version(version) => h2 { (version) },
                    Line::Kind(kind) => h3 { (kind) },
                    Line::Entry { is_security, text } => p {
                        @if is_security { span.tag.good { (words.security_tag) } " " }
                        (inline(text))
                    },
                }
            }
        }
    };
    layout::public(visit, words.title, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_audit_public_the_changelog_is_shown_with_its_security_entries() {
        let security = SOURCE.matches("\n- **[security]** ").count();
        let entries = SOURCE.matches("\n- ").count();
        let shown: Vec<_> = lines(SOURCE).collect();
        let marked =
            shown.iter().filter(|line| matches!(line, Line::Entry { is_security: true, .. }));
        assert_eq!(marked.count(), security);
        let all = shown.iter().filter(|line| matches!(line, Line::Entry { .. })).count();
        assert_eq!(all, entries);
        assert!(security > 0, "nothing ever mattered for security?");
    }

    #[test]
    fn a_line_is_what_its_beginning_says() {
        let source =
            "# Changelog\n\nHow.\n\n## [1.0]\n\n### Added\n\n- **[security]** `a` <b>\n- c";
        let want = [
            Line::Version("1.0"),
            Line::Kind("Added"),
            Line::Entry { is_security: true, text: "`a` <b>" },
            Line::Entry { is_security: false, text: "c" },
        ];
        assert_eq!(lines(source).collect::<Vec<_>>(), want);
        let shown = inline("`a<` <b> ([c](docs/c.md)) [d]").into_string();
        assert_eq!(shown, "<code>a&lt;</code> &lt;b&gt; (c) [d]");
    }
}
