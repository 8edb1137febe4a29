//! What people see when something is wrong.

use http::StatusCode;
use maud::{Markup, html};
use trust::text::language::Language;

use super::layout;
use crate::{edge::Problem, pages::words::words};

words! {
    /// The pages that say what is wrong.
    ProblemWords {
        not_found_title: "There is no such page", "Cette page n’existe pas";
        not_found:
            "The address may be mistyped, or what was there is gone.",
            "L’adresse est peut-être mal écrite, ou ce qui s’y trouvait n’y est plus.";
        method_title: "That does not work here", "Cela ne marche pas ici";
        method:
            "This address takes another kind of request.",
            "Cette adresse attend une autre sorte de requête.";
        too_large_title: "That is too much", "C’est trop";
        too_large:
            "What was sent is larger than we read. Nothing was saved.",
            "Ce qui a été envoyé dépasse ce que nous lisons. Rien n’a été enregistré.";
        foreign_title:
            "This form has expired",
            "Ce formulaire a expiré";
        foreign:
            "For your safety a form counts only if it was opened here, in this browser, in this session. Nothing was changed. Go back, reload the page, and send it again.",
            "Pour votre sécurité, un formulaire ne compte que s’il a été ouvert ici, dans ce navigateur et cette session. Rien n’a été changé. Revenez en arrière, rechargez la page et envoyez-le à nouveau.";
        session_title: "Please sign in", "Connectez-vous";
        session:
            "This needs an account, and nothing was changed.",
            "Il faut un compte pour cela, et rien n’a été changé.";
        too_many_title: "A little slower, please", "Un peu plus lentement";
        too_many:
            "There were too many attempts. Wait a few minutes, then try again.",
            "Il y a eu trop d’essais. Attendez quelques minutes, puis réessayez.";
        invalid_title: "That was not understood", "Cela n’a pas été compris";
        invalid:
            "What was sent is incomplete. Nothing was saved. Go back and try again.",
            "Ce qui a été envoyé est incomplet. Rien n’a été enregistré. Revenez en arrière et réessayez.";
        unavailable_title: "Please try again in a moment", "Réessayez dans un instant";
        unavailable:
            "A part of the service does not answer right now. Nothing is wrong with what you sent; send it again.",
            "Une partie du service ne répond pas en ce moment. Votre envoi n’a rien de faux; envoyez-le à nouveau.";
        defect_title: "That is our fault", "C’est notre faute";
        defect:
            "Something broke on our side. It has been noted, without any of your data.",
            "Quelque chose a brisé de notre côté. C’est noté, sans aucune de vos données.";
        back: "To the front page", "À la page d’accueil";
        sign_in: "Sign in", "Se connecter";
    }
}

/// The page for a problem. It says nothing of the request but what is wrong with it.
pub(crate) fn page(language: Language, problem: &Problem) -> Markup {
    let words = ProblemWords::of(language);
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
            (Problem::CrossSite, "This form has expired", "Ce formulaire a expiré"),
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
