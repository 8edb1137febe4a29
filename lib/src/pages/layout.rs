//! What is around the content of every page.

use maud::{DOCTYPE, Markup, html};
use trust::text::language::Language;

use super::{
    form,
    notice::Tone,
    signed_in::Owner,
    table::{self, Menu},
    visit::{self, Visit},
};

use crate::pages::words::words;

words! {
    /// What is on every page.
    FrameWords {
        skip: "Skip to the content", "Aller au contenu";
        main_menu: "Main", "Principal";
        foot_menu: "About LeadsLock", "À propos de LeadsLock";
        sign_in: "Sign in", "Se connecter";
        sign_up: "Create an account", "Créer un compte";
        sign_out: "Sign out", "Se déconnecter";
        console: "Your console", "Votre console";
        other_language: "Français", "English";
        opted_out:
            "Your browser asks not to be tracked or sold (Global Privacy Control). We do neither, for anybody.",
            "Votre navigateur demande de ne pas être suivi ni vendu (Global Privacy Control). Nous ne faisons ni l’un ni l’autre, pour personne.";
        tagline: "Texts answered. Word kept.", "On répond. On tient parole.";
    }
}

/// A page for everybody.
pub(crate) fn public(visit: &Visit, title: &str, content: Markup) -> Markup {
    let words = FrameWords::of(visit.language);
    let entry = if visit.seems_signed_in {
        html! { li { a href=(HOME_OF_OWNERS) { (words.console) } } }
    } else {
        html! {
            li { (link(visit, "/sign-in", words.sign_in)) }
            li { (link(visit, "/sign-up", words.sign_up)) }
        }
    };
    let menu = html! {
        @for (path, text) in table::menu(Menu::Public) { li { (link(visit, path, text.of(visit.language))) } }
        (entry)
    };
    frame(visit, title, &menu, content)
}

/// Where owners go first.
pub(crate) const HOME_OF_OWNERS: &str = "/conversations";

impl Visit {
    /// A page in the frame of an owner.
    pub(crate) fn owners_page(&self, owner: &Owner, title: &str, content: Markup) -> Markup {
        owners(self, &owner.form_token, title, content)
    }
}

/// A page for an owner.
fn owners(visit: &Visit, form_token: &str, title: &str, content: Markup) -> Markup {
    let words = FrameWords::of(visit.language);
    let menu = html! {
        @for (path, text) in table::menu(Menu::Console) { li { (link(visit, path, text.of(visit.language))) } }
        li {
            form method="post" action="/sign-out" {
                (form::token(form_token))
                button.plain type="submit" { (words.sign_out) }
            }
        }
    };
    frame(visit, title, &menu, content)
}

fn frame(visit: &Visit, title: &str, menu: &Markup, content: Markup) -> Markup {
    let frame = FrameWords::of(visit.language);
    html! {
        (DOCTYPE)
        html lang=(visit::code(visit.language)) {
            (head(title))
            body {
                a.skip href="#content" { (frame.skip) }
                header.head {
                    div.wide {
                        a.brand href="/" {
                            img src="/logo.svg" alt="" width="32" height="32";
                            "LeadsLock"
                        }
                        nav aria-label=(frame.main_menu) { ul { (menu) } }
                    }
                }
                main #content.wide tabindex="-1" {
                    @if let Some(notice) = visit.notice {
                        p.notice.bad[notice.tone() == Tone::Bad] role="status" {
                            (notice.text(visit.language))
                        }
                    }
                    (content)
                }
                (foot(visit))
            }
        }
    }
}

/// A page without a menu, for when little is known of who asks.
pub(crate) fn bare(language: Language, title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(visit::code(language)) {
            (head(title))
            body {
                main.wide {
                    p { a.brand href="/" {
                        img src="/logo.svg" alt="" width="32" height="32"; "LeadsLock"
                    } }
                    (content)
                }
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) " · LeadsLock" }
            link rel="stylesheet" href="/style.css";
            link rel="icon" href="/logo.svg" type="image/svg+xml";
        }
    }
}

fn foot(visit: &Visit) -> Markup {
    let words = FrameWords::of(visit.language);
    let other = match visit.language {
        Language::English => Language::French,
        Language::French => Language::English,
    };
    let code = visit::code(other);
    html! {
        footer.foot {
            div.wide {
                nav aria-label=(words.foot_menu) {
                    ul {
                        @for (path, text) in table::menu(Menu::Foot) { li { (link(visit, path, text.of(visit.language))) } }
                        li { a href={ (visit.path) "?lang=" (code) } hreflang=(code) lang=(code) {
                            (words.other_language)
                        } }
                    }
                }
                @if visit.has_opted_out { span { (words.opted_out) } }
                @else { span { (words.tagline) } }
            }
        }
    }
}

/// A link of a menu; the page itself is marked.
fn link(visit: &Visit, path: &str, text: &str) -> Markup {
    html! { a href=(path) aria-current=[(visit.path == path).then_some("page")] { (text) } }
}
