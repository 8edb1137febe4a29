//! What people see when something is wrong.

use http::StatusCode;
use maud::{Markup, html};
use trust::text::language::Language;

use super::{layout, wording};
use crate::edge::Problem;

/// The page for a problem. It says nothing of the request but what is wrong with it.
pub(crate) fn page(language: Language, problem: &Problem) -> Markup {
    let words = &wording::of(language).problem;
    let (title, text) = match problem.status() {
        StatusCode::NOT_FOUND => (words.not_found_title, words.not_found),
        StatusCode::METHOD_NOT_ALLOWED => (words.method_title, words.method),
        StatusCode::PAYLOAD_TOO_LARGE => (words.too_large_title, words.too_large),
        StatusCode::UNAUTHORIZED => (words.session_title, words.session),
        StatusCode::FORBIDDEN => (words.foreign_title, words.foreign),
        StatusCode::TOO_MANY_REQUESTS => (words.too_many_title, words.too_many),
        StatusCode::SERVICE_UNAVAILABLE => (words.unavailable_title, words.unavailable),
        StatusCode::INTERNAL_SERVER_ERROR => (words.defect_title, words.defect),
        _ => (words.invalid_title, words.invalid),
    };
    let content = html! {
        h1 { (title) }
        p.prose { (text) }
        p.row {
            a.button href="/" { (words.back) }
            @if problem.status() == StatusCode::UNAUTHORIZED {
                a.button.second href="/sign-in" { (words.sign_in) }
            }
        }
    };
    layout::bare(language, title, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionError;

    #[test]
    fn each_status_has_a_page_in_both_languages() {
        for (problem, english, french) in [
            (Problem::Unknown("x"), "There is no such page", "Cette page n’existe pas"),
            (Problem::Method(&[]), "That does not work here", "Cela ne marche pas ici"),
            (Problem::TooLarge, "That is too much", "C’est trop"),
            (Problem::Unreadable, "That was not understood", "Cela n’a pas été compris"),
            (Problem::CrossSite, "This form is not ours", "Ce formulaire n’est pas le nôtre"),
            (Problem::TooMany(9), "A little slower", "Un peu plus lentement"),
            (SessionError::Missing.into(), "Please sign in", "Connectez-vous"),
            (Problem::Panic, "That is our fault", "C’est notre faute"),
        ] {
            for (language, want) in [(Language::English, english), (Language::French, french)] {
                let page = page(language, &problem).into_string();
                assert!(page.contains(&format!("<h1>{want}")), "{problem}: {page}");
            }
        }
    }
}
