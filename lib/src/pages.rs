//! Every HTML page: what the product is, and the console of owners.
//!
//! Pages are made here, whole, and work without any script; so no script is allowed
//! at all. What comes from outside gets onto a page only through `maud`, which
//! escapes it. All wording is in [`wording`], which has it in both languages or does
//! not compile.
//!
//! A form is taken only from ourselves ([`Pages::check_form`]), and
//! answered with a redirect, or with the same form again and what is wrong with it.

mod cookies;
mod csrf;
mod entry;
mod faults;
mod form;
mod labels;
mod layout;
mod notice;
mod owner;
mod problem;
pub mod public;
mod route;
pub mod settings;
mod signed_in;
mod visit;
mod wording;

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
    public::{changelog, home, incidents, policy_reports, privacy, security, well_known},
    route::Route,
    settings::Contacts,
    visit::{Query, Visit},
};
use crate::{
    context::Context,
    edge::{Answer, Problem, Teller, refusals::Refusals},
    owner::{Console, billing::Billing, closure::Closures, export::Exports},
    providers::supabase::auth::Auth,
    rate_limit::{Limit, RateLimits, Verdict},
    session::Verifier,
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
    pub async fn answer(self: &Arc<Self>, head: &Parts, body: &Bytes) -> Result<Answer, Problem> {
        let route = Route::of(head.uri.path()).ok_or(Problem::Unknown("there is no such page"))?;
        if !route.methods().contains(&head.method) {
            return Err(Problem::Method(route.methods()));
        }
        self.answer_route(route, head, body).await
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

    /// What is asked of a route that exists, by a method it answers.
    async fn answer_route(
        self: &Arc<Self>,
        route: Route,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Answer, Problem> {
        let visit = Visit::of(head);
        let is_form = head.method == Method::POST;
        match route {
            Route::Home => Ok(visit.page(home::page(&visit))),
            Route::Security => Ok(visit.page(security::page(&visit, &self.contacts))),
            Route::Privacy => Ok(visit.page(privacy::page(&visit, &self.contacts))),
            Route::Changelog => Ok(visit.page(changelog::page(&visit))),
            Route::Incidents => Ok(visit.page(incidents::page(&visit))),
            Route::Incident(incident) => Ok(visit.page(incidents::one(&visit, incident))),
            Route::SecurityTxt => Ok(well_known::security_txt(&self.contacts, &self.origins)),
            Route::PrivacyControl => Ok(well_known::privacy_control()),
            Route::Reports => Ok(self.report(head, body)),
            Route::SignIn | Route::SignUp | Route::SendCode | Route::EnterCode if is_form => {
                let form = self.check_visitors_form(head, body)?;
                self.enter(route, visit, head, form).await
            }
            Route::SignIn | Route::SignUp | Route::SendCode | Route::EnterCode => {
                Ok(self.entrance(route, visit, head))
            }
            Route::SignOut | Route::SignOutEverywhere => {
                self.sign_out(route, visit, head, body).await
            }
            route => self.owners_answer(route, visit, head, body).await,
        }
    }

    /// What is asked of a page that only an owner has.
    async fn owners_answer(
        self: &Arc<Self>,
        route: Route,
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
        let answer = match route {
            Route::Welcome => self.welcome(&mut visit, &owner, form).await,
            Route::Conversations => self.conversations(&visit, &owner, &query).await,
            Route::Conversation(id) => self.conversation(&visit, &owner, id, &query, form).await,
            Route::Leads => self.leads(&visit, &owner, &query, form).await,
            Route::Lead(id) => self.lead(&visit, &owner, id, form).await,
            Route::LeadFile(id) => self.lead_file(&visit, &owner, id).await,
            Route::Shop => self.shop(&visit, &owner, form).await,
            Route::Activity => self.activity(&visit, &owner, &query).await,
            Route::Password => self.password(&visit, &owner, form).await,
            Route::Billing => self.billing(&visit, &owner, form).await,
            Route::PrivacyCentre => self.privacy_centre(&visit, &owner, form).await,
            Route::DeleteAccount => self.delete_account(&mut visit, &owner, form).await,
            Route::Download(id) => self.download(&visit, &owner, id).await,
            _ => Err(Problem::Unknown("there is no such page")),
        };
        answer.or_else(|problem| self.or_elsewhere(&visit, is_form, problem))
    }
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
