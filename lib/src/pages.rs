//! Every HTML page: what the product is, and the console of owners.
//!
//! Pages are made here, whole, and work without any script; so no script is allowed
//! at all. What comes from outside gets onto a page only through `maud`, which
//! escapes it. What they say stands with each, in both languages ([`words`]).
//!
//! A form is taken only from ourselves ([`Pages::check_form`]), and
//! answered with a redirect, or with the same form again and what is wrong with it.
//!
//! # Invariant
//!
//! Pages work without script, and are allowed none. They load our stylesheet and
//! pictures, send forms to us, and reach nobody else: so says their
//! Content-Security-Policy, which the browser enforces. What comes from outside gets onto
//! a page through `maud` only, which escapes it, never into an address or a style. A way
//! out (Stripe, a bundle, a picture) is a link or a redirect of a link, so `form-action`
//! needs no exception.

mod cookies;
mod csrf;
mod entry;
mod faults;
mod form;
mod layout;
mod notice;
mod owner;
mod problem;
pub mod public;
pub mod settings;
mod signed_in;
pub mod table;
mod visit;
pub mod words;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use maud::Markup;
use url::Url;

use self::{
    cookies::Cookie,
    csrf::CsrfKey,
    form::Form,
    notice::Notice,
    public::policy_reports,
    settings::Contacts,
    table::{Asked, Handler, NO_PAGE, OwnersHandler, Part},
    visit::{Query, Visit},
};
use crate::{
    context::Context,
    edge::{Answer, Problem, Teller, refusals::Refusals},
    owner::{Console, OwnerError, billing::Billing, closure::Closures, export::Exports},
    providers::supabase::auth::Auth,
    rate_limit::{Limit, RateLimits, Verdict},
    session::{SessionError, Verifier},
    settings::{Group, Reader},
};

/// What every page is.
const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// Everything pages are made of.
#[derive(Debug)]
pub struct Pages {
    sessions: Arc<Verifier>,
    auth: Auth,
    console: Console,
    billing: Billing,
    exports: Exports,
    closures: Closures,
    /// Where forms may come from; the first is where the public finds us.
    origins: Vec<Url>,
    key: CsrfKey,
    limits: RateLimits,
    contacts: Contacts,
    reports: Refusals,
}

impl Pages {
    /// Takes what pages need.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (sessions, auth) = (context.sessions(), context.auth());
        let (console, billing) = (Console::of(context), Billing::of(context));
        let (exports, closures) = (Exports::of(context), Closures::of(context));
        let origins = context.read(Group::PublicOrigins, Reader::public_origins);
        let key = context.read(Group::CsrfKey, Reader::csrf_key);
        let suppression_key = context.read(Group::SuppressionKey, Reader::suppression_key);
        let contacts = context.read(Group::Contacts, Reader::contacts);
        let reports = context.refusals(policy_reports::PATH);
        Some(Self {
            sessions: sessions?,
            auth: auth?,
            console: console?,
            billing: billing?,
            exports: exports?,
            closures: closures?,
            origins: origins?,
            key: CsrfKey::new(&key?),
            limits: RateLimits::new(&suppression_key?),
            contacts: contacts?,
            reports: reports?,
        })
    }

    /// Answers a request for a page.
    pub async fn answer(&self, head: &Parts, body: &Bytes) -> Result<Answer, Problem> {
        let (page, part) = table::find(head.uri.path()).ok_or(NO_PAGE)?;
        if !page.methods.contains(&head.method) {
            return Err(Problem::Method(page.methods));
        }
        let visit = Visit::of(head);
        match page.handler {
            Handler::Public(answer) => answer(self, &visit, &part),
            Handler::PolicyReports => Ok(self.report(head, body)),
            Handler::Entrance(entrance) if head.method == Method::POST => {
                let form = self.check_visitors_form(head, body)?;
                self.enter(entrance, visit, head, form).await
            }
            Handler::Entrance(entrance) => Ok(self.entrance(entrance, visit, head)),
            Handler::SignOut { everywhere } => self.sign_out(everywhere, visit, head, body).await,
            Handler::Owner(answer) => self.answer_owner(answer, part, visit, head, body).await,
        }
    }

    /// Answers for a page that only an owner has.
    async fn answer_owner(
        &self,
        answer: OwnersHandler,
        part: Part,
        mut visit: Visit,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Answer, Problem> {
        let is_form = head.method == Method::POST;
        let Some(owner) = self.owner(head, &mut visit).await? else {
            return Ok(self.must_sign_in(&visit, is_form));
        };
        let form = if is_form { Some(self.check_form(head, body, &owner)?) } else { None };
        let query = Query::of(head);
        let asked = Asked { visit: &mut visit, owner: &owner, part, query, form };
        let answered = answer(self, asked).await;
        answered.or_else(|problem| self.or_elsewhere(&visit, is_form, problem))
    }

    /// Counts one of `limit` for `subject`, or says how long to wait.
    async fn take_limit(&self, limit: Limit, subject: &str) -> Result<(), Problem> {
        match self.limits.take(self.console.supabase(), limit, subject).await? {
            Verdict::Allowed => Ok(()),
            Verdict::Wait(pause) => {
                Err(Problem::TooMany(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX)))
            }
        }
    }

    /// Sends somebody to sign in who has to, and back afterwards.
    fn must_sign_in(&self, visit: &Visit, is_form: bool) -> Answer {
        let notice = visit.seems_signed_in.then_some(Notice::SessionEnded);
        visit.redirect(&sign_in_path(&visit.path, is_form), notice)
    }

    /// Where an owner has to go first, if the session does not go far enough for a page, or
    /// there is no shop yet.
    fn or_elsewhere(
        &self,
        visit: &Visit,
        is_form: bool,
        problem: Problem,
    ) -> Result<Answer, Problem> {
        if let Some(OwnerError::NoShop) = problem.cause() {
            return Ok(visit.redirect("/welcome", None));
        }
        let notice = match problem.cause() {
            Some(SessionError::NotRecent) => Notice::SignInAgain,
            Some(SessionError::Ended) => Notice::SessionEnded,
            _ => return Err(problem),
        };
        Ok(visit.redirect(&sign_in_path(&visit.path, is_form), Some(notice)))
    }
}

/// Where to sign in, and where to go then: to where a form was, not to where it was sent.
fn sign_in_path(path: &str, is_form: bool) -> String {
    let is_page = table::is_page(path);
    debug_assert!(is_page || is_form, "{path}");
    if is_page { format!("/sign-in?next={path}") } else { "/sign-in".to_owned() }
}

/// Tells whoever sent a request what is wrong with it, by a page in their language.
pub fn teller(head: &Parts) -> Teller {
    let language = visit::language_of(head);
    Box::new(move |problem| (CONTENT_TYPE, problem::page(language, problem).into_string()))
}

impl Visit {
    /// Answers with a page.
    fn page(&self, page: Markup) -> Answer {
        self.with_cookies(Answer::ok(CONTENT_TYPE, page.into_string()))
    }

    /// Answers with a page that says what is wrong with what was asked.
    fn page_with(&self, status: StatusCode, page: Markup) -> Answer {
        let mut answer = self.page(page);
        *answer.response.status_mut() = status;
        answer
    }

    /// Sends the browser on, by GET, to `place`, which says `notice`.
    fn redirect(&self, place: &str, notice: Option<Notice>) -> Answer {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SEE_OTHER;
        if let Ok(place) = HeaderValue::try_from(place) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        let notice = notice.and_then(|notice| Cookie::Notice.set(notice.code()));
        response.headers_mut().extend(notice.map(|cookie| (header::SET_COOKIE, cookie)));
        self.with_cookies(Answer { response, background: None })
    }

    fn with_cookies(&self, mut answer: Answer) -> Answer {
        for cookie in &self.cookies {
            answer.response.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        answer
    }
}
