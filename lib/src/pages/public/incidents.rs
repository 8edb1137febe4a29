//! `/incidents`: what went wrong, told afterwards.
//!
//! Each post-mortem is a file in `docs/incidents/`, in English and in French, and
//! an entry in [`ALL`]; a test finds a file without one.

use maud::{Markup, html};

use crate::pages::{
    Visit, layout,
    words::{Text, words},
};

words! {
    /// Incidents and post-mortems.
    IncidentWords {
        title: "Incidents", "Incidents";
        lead:
            "If data of our customers is ever affected, those concerned are told within 72 hours of our confirming it, and what happened is published here: what, when, who, and what we changed.",
            "Si des données de nos clients sont un jour touchées, les personnes concernées le savent dans les 72 heures après que nous l’avons confirmé, et ce qui s’est passé est publié ici : quoi, quand, qui, et ce que nous avons changé.";
        none:
            "There are no post-mortems: none has been published so far.",
            "Il n’y a pas de bilan d’incident : aucun n’a été publié jusqu’ici.";
    }
}

/// An incident that was dealt with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incident {
    /// What it is called in its address, and its file.
    slug: &'static str,
    /// The day it was confirmed.
    day: &'static str,
    title: Text,
    /// Paragraphs, with an empty line between them.
    story: Text,
}

/// All of them, the newest first. There are none.
static ALL: &[Incident] = &[];

/// The incident of this name.
pub(crate) fn find(slug: &str) -> Option<&'static Incident> {
    ALL.iter().find(|incident| incident.slug == slug)
}

pub(crate) fn page(visit: &Visit) -> Markup {
    let words = IncidentWords::of(visit.language);
    let content = html! {
        h1 { (words.title) }
        p.prose { (words.lead) }
        @if ALL.is_empty() { p.notice { (words.none) } }
        ul.list {
            @for incident in ALL {
                li {
                    a href={ "/incidents/" (incident.slug) } {
                        (incident.day) " · " (incident.title.of(visit.language))
                    }
                }
            }
        }
    };
    layout::public(visit, words.title, content)
}

pub(crate) fn one(visit: &Visit, incident: &Incident) -> Markup {
    let title = incident.title.of(visit.language);
    let content = html! {
        article.prose {
            h1 { (title) }
            p.quiet { (incident.day) }
            @for paragraph in incident.story.of(visit.language).split("\n\n") { p { (paragraph) } }
        }
    };
    layout::public(visit, title, content)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_post_mortem_is_published() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/incidents");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let written: BTreeSet<_> = files
            .filter(|file| file.file_name().is_some_and(|name| name != "README.md"))
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let languages = ["en", "fr"];
        let published = ALL.iter().flat_map(|incident| {
            languages.map(|language| format!("{}.{language}.txt", incident.slug))
        });
        assert_eq!(written, published.collect());
    }

    #[test]
    fn a_post_mortem_is_shown_as_it_is_written() {
        let story = Text { en: "What.\n\nWhen & <who>.", fr: "Quoi." };
        let title = Text { en: "A title", fr: "Un titre" };
        let incident = Incident { slug: "a", day: "2026-11-23", title, story };
        let request = http::Request::get("/incidents/a").body(()).unwrap();
        let page = one(&Visit::of(&request.into_parts().0), &incident).into_string();
        assert!(page.contains("<p>What.</p><p>When &amp; &lt;who&gt;.</p>"), "{page}");
    }
}
