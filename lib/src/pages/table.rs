//! Every page, in one table: where it is, for whom, in which menu, what answers there.
//!
//! Routing, menus and robots.txt follow from it, and so do the lists of the tests that look
//! at every page (headers, hostile input, axe): a page that is not here does not exist, and
//! one that is here is looked at.

use futures_util::future::BoxFuture;
use http::Method;
use uuid::Uuid;

use super::{
    Pages,
    form::Form,
    signed_in::Owner,
    visit::{Query, Visit},
    words::Text,
};
use crate::edge::{Answer, Problem};

const READ: &[Method] = &[Method::GET, Method::HEAD];
const SEND: &[Method] = &[Method::POST];
const BOTH: &[Method] = &[Method::GET, Method::HEAD, Method::POST];

/// A page, or something else that is asked for without `/api/`.
pub struct Page {
    /// Its path. A part in braces stands for one of many: `{id}` for a UUID, `{name}` for
    /// letters, digits and hyphens.
    pub path: &'static str,
    /// What may be asked of it.
    pub methods: &'static [Method],
    /// Who it is for.
    pub audience: Audience,
    /// The menus it is in, and what it is called there.
    pub menus: &'static [(Menu, Text)],
    /// Queries with which it is another page, as it were, for who looks at all of them.
    pub queries: &'static [&'static str],
    /// Whether it is a page to look at; else it is a file, or the way to one.
    pub is_html: bool,
    /// What answers.
    pub(super) handler: Handler,
}

/// Who a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody; search engines too.
    Everybody,
    /// Who is about to sign in, or to sign out.
    Visitor,
    /// An owner who has signed in.
    Owner,
    /// A program.
    Program,
}

/// A menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// That of the public pages.
    Public,
    /// That of the console.
    Console,
    /// That at the foot of every page.
    Foot,
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// With a password.
    SignIn,
    /// With a new account.
    SignUp,
    /// By asking for a code.
    SendCode,
    /// By entering one.
    EnterCode,
}

/// The part of a path that names one of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// There is none.
    None,
    /// A UUID.
    Id(Uuid),
    /// A name.
    Name(String),
}

impl Part {
    /// The UUID; nil where the path has none.
    pub(crate) fn id(&self) -> Uuid {
        if let Self::Id(id) = self { *id } else { Uuid::nil() }
    }

    /// The name; empty where the path has none.
    pub(crate) fn name(&self) -> &str {
        if let Self::Name(name) = self { name } else { "" }
    }
}

/// What an owner asks of a page.
pub(crate) struct Asked<'a> {
    /// Who asks, as far as the request itself tells.
    pub(crate) visit: &'a mut Visit,
    /// The owner.
    pub(crate) owner: &'a Owner,
    /// The part of the path that names one of many.
    pub(crate) part: Part,
    /// What stands behind the question mark.
    pub(crate) query: Query,
    /// What was sent, if it was a form.
    pub(crate) form: Option<Form>,
}

/// Answers an owner.
pub(super) type OwnersHandler =
    for<'a> fn(&'a Pages, Asked<'a>) -> BoxFuture<'a, Result<Answer, Problem>>;

/// What answers for a page.
pub(super) enum Handler {
    /// A page that needs nobody.
    Public(fn(&Pages, &Visit, &Part) -> Result<Answer, Problem>),
    /// The browsers' policy reports.
    PolicyReports,
    /// A way in.
    Entrance(Entrance),
    /// The way out of this browser, or of all.
    SignOut {
        /// Of all.
        everywhere: bool,
    },
    /// A page of the console.
    Owner(OwnersHandler),
}

/// A row without menus and queries.
const fn page(
    path: &'static str,
    methods: &'static [Method],
    audience: Audience,
    handler: Handler,
) -> Page {
    Page { path, methods, audience, menus: &[], queries: &[""], is_html: true, handler }
}

const fn public(
    path: &'static str,
    handler: fn(&Pages, &Visit, &Part) -> Result<Answer, Problem>,
) -> Page {
    page(path, READ, Audience::Everybody, Handler::Public(handler))
}

const fn owners(path: &'static str, methods: &'static [Method], handler: OwnersHandler) -> Page {
    page(path, methods, Audience::Owner, Handler::Owner(handler))
}

const fn entrance(path: &'static str, entrance: Entrance) -> Page {
    page(path, BOTH, Audience::Visitor, Handler::Entrance(entrance))
}

const fn text(en: &'static str, fr: &'static str) -> Text {
    Text { en, fr }
}

impl Page {
    const fn in_menus(self, menus: &'static [(Menu, Text)]) -> Self {
        Self { menus, ..self }
    }

    const fn file(self) -> Self {
        Self { is_html: false, ..self }
    }

    const fn with_queries(self, queries: &'static [&'static str]) -> Self {
        Self { queries, ..self }
    }
}

/// Every page.
pub static PAGES: [Page; 29] = [
    public("/", |_, visit, _| Ok(visit.home())),
    public("/security", |pages, visit, _| Ok(visit.security(&pages.contacts))).in_menus(&[
        (Menu::Public, text("Security", "Sécurité")),
        (Menu::Foot, text("Security", "Sécurité")),
    ]),
    public("/privacy", |pages, visit, _| Ok(visit.privacy(&pages.contacts))).in_menus(&[
        (Menu::Public, text("Privacy", "Confidentialité")),
        (Menu::Foot, text("Privacy", "Confidentialité")),
    ]),
    public("/changelog", |_, visit, _| Ok(visit.changelog()))
        .in_menus(&[(Menu::Foot, text("Changelog", "Journal des changements"))]),
    public("/incidents", |_, visit, _| Ok(visit.incidents()))
        .in_menus(&[(Menu::Foot, text("Incidents", "Incidents"))]),
    public("/incidents/{name}", |_, visit, part| visit.incident(part.name())),
    public("/robots.txt", |_, _, _| Ok(Answer::ok("text/plain; charset=utf-8", robots_txt())))
        .file(),
    public("/.well-known/security.txt", |pages, _, _| Ok(pages.security_txt())).file(),
    public("/.well-known/gpc.json", |pages, _, _| Ok(pages.privacy_control())).file(),
    page("/policy-reports", SEND, Audience::Program, Handler::PolicyReports),
    entrance("/sign-in", Entrance::SignIn),
    entrance("/sign-up", Entrance::SignUp),
    entrance("/code", Entrance::SendCode).with_queries(&["?for=sign-in", "?for=recovery"]),
    entrance("/code/enter", Entrance::EnterCode),
    page("/sign-out", SEND, Audience::Visitor, Handler::SignOut { everywhere: false }),
    page("/sign-out/everywhere", SEND, Audience::Visitor, Handler::SignOut { everywhere: true }),
    owners("/welcome", BOTH, |pages, asked| {
        Box::pin(pages.welcome(asked.visit, asked.owner, asked.form))
    }),
    owners("/conversations", READ, |pages, asked| {
        Box::pin(async move { pages.conversations(asked.visit, asked.owner, &asked.query).await })
    })
    .in_menus(&[(Menu::Console, text("Conversations", "Conversations"))]),
    owners("/conversations/{id}", BOTH, |pages, asked| {
        Box::pin(async move {
            let id = asked.part.id();
            pages.conversation(asked.visit, asked.owner, id, &asked.query, asked.form).await
        })
    }),
    owners("/leads", BOTH, |pages, asked| {
        Box::pin(
            async move { pages.leads(asked.visit, asked.owner, &asked.query, asked.form).await },
        )
    })
    .in_menus(&[(Menu::Console, text("Customers", "Clients"))]),
    owners("/leads/{id}", BOTH, |pages, asked| {
        Box::pin(pages.lead(asked.visit, asked.owner, asked.part.id(), asked.form))
    }),
    owners("/leads/{id}/export", READ, |pages, asked| {
        Box::pin(pages.lead_file(asked.visit, asked.owner, asked.part.id()))
    })
    .file(),
    owners("/shop", BOTH, |pages, asked| {
        Box::pin(pages.shop(asked.visit, asked.owner, asked.form))
    })
    .in_menus(&[(Menu::Console, text("Shop", "Commerce"))]),
    owners("/billing", BOTH, |pages, asked| {
        Box::pin(pages.billing(asked.visit, asked.owner, asked.form))
    })
    .in_menus(&[(Menu::Console, text("Billing", "Facturation"))]),
    owners("/privacy-centre", BOTH, |pages, asked| {
        Box::pin(pages.privacy_centre(asked.visit, asked.owner, asked.form))
    })
    .in_menus(&[(Menu::Console, text("Privacy", "Confidentialité"))]),
    owners("/privacy-centre/delete", BOTH, |pages, asked| {
        Box::pin(pages.delete_account(asked.visit, asked.owner, asked.form))
    }),
    owners("/privacy-centre/exports/{id}", READ, |pages, asked| {
        Box::pin(pages.download(asked.visit, asked.owner, asked.part.id()))
    })
    .file(),
    owners("/activity", READ, |pages, asked| {
        Box::pin(async move { pages.activity(asked.visit, asked.owner, &asked.query).await })
    })
    .in_menus(&[(Menu::Console, text("Activity", "Activité"))]),
    owners("/password", BOTH, |pages, asked| {
        Box::pin(pages.password(asked.visit, asked.owner, asked.form))
    }),
];

/// What is said where there is none.
pub(crate) const NO_PAGE: Problem = Problem::Unknown("there is no such page");

/// The page of a path, if there is one. Paths have one spelling each.
pub(crate) fn find(path: &str) -> Option<(&'static Page, Part)> {
    PAGES.iter().find_map(|page| Some((page, part_of(page.path, path)?)))
}

/// The part of `path` that stands where `pattern` has braces, if it is such a path.
fn part_of(pattern: &str, path: &str) -> Option<Part> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == path).then_some(Part::None);
    };
    let (kind, after) = rest.split_once('}')?;
    let part = path.strip_prefix(before)?.strip_suffix(after)?;
    match kind {
        // An id as we write them: other spellings are other paths, where there is nothing.
        "id" => {
            let id = Uuid::parse_str(part).ok()?;
            (id.as_hyphenated().to_string() == part).then_some(Part::Id(id))
        }
        _ => {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (!part.is_empty() && part.bytes().all(is_name)).then(|| Part::Name(part.to_owned()))
        }
    }
}

/// The pages of a menu, in the table's order, and what they are called there.
pub(crate) fn menu(menu: Menu) -> impl Iterator<Item = (&'static str, Text)> {
    PAGES.iter().flat_map(move |page| {
        let texts = page.menus.iter().filter(move |(of, _)| *of == menu);
        texts.map(|(_, text)| (page.path, *text))
    })
}

/// Whether a browser may be sent to `path` because a request says so: a page of ours
/// that can be read, and nothing else.
pub(crate) fn is_page(path: &str) -> bool {
    find(path).is_some_and(|(page, _)| page.methods.contains(&Method::GET))
}

/// What search engines are told: the public pages may be indexed; functions and the console
/// have nothing to index. <https://www.rfc-editor.org/rfc/rfc9309>
fn robots_txt() -> String {
    let mut text = String::from("User-agent: *\nDisallow: /api/\n");
    let closed = PAGES.iter().filter(|page| page.audience != Audience::Everybody);
    for path in closed.map(|page| page.path).filter(|path| !path.contains('{')) {
        text.push_str("Disallow: ");
        text.push_str(path);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        let found = |path: &str| find(path).map(|(page, part)| (page.path, part));
        assert_eq!(found("/security"), Some(("/security", Part::None)));
        let id = "0193a000-0000-7000-8000-0000000000aa";
        let part = Part::Id(Uuid::parse_str(id).unwrap());
        assert_eq!(
            found(&format!("/privacy-centre/exports/{id}")),
            Some(("/privacy-centre/exports/{id}", part.clone()))
        );
        assert_eq!(found(&format!("/leads/{id}/export")), Some(("/leads/{id}/export", part)));
        for path in [
            "",
            "//",
            "/security/",
            "/Security",
            "/index.html",
            "/api/page",
            "/incidents/",
            "/incidents/a/b",
            "/../",
            "/leads/{id}",
            "/privacy-centre/exports/",
            "/privacy-centre/exports/0193a00000007000800000000000 00aa",
            "/privacy-centre/exports/0193A000-0000-7000-8000-0000000000AA",
            "/privacy-centre/exports/0193a0000000700080000000000000aa",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
        let paths: BTreeSet<_> = PAGES.iter().map(|page| page.path).collect();
        assert_eq!(paths.len(), PAGES.len(), "two pages have one path");
    }

    #[test]
    fn a_browser_is_sent_to_our_own_pages_only() {
        assert!(is_page("/billing") && is_page("/privacy-centre"));
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out", ""] {
            assert!(!is_page(path), "{path}");
        }
    }

    #[test]
    fn nothing_of_an_owners_is_indexed() {
        let robots = robots_txt();
        for path in ["/conversations", "/leads", "/sign-in", "/policy-reports", "/api/"] {
            assert!(robots.contains(&format!("\nDisallow: {path}\n")), "{robots}");
        }
        assert!(!robots.contains("Disallow: /security") && !robots.contains("Disallow: /\n"));
    }
}
