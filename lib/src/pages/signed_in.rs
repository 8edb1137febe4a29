//! Who is signed in, and whether a form is ours.
//!
//! A session is two cookies: the access token, which is verified as any caller's is,
//! and the refresh token, which gets the next pair when the first has expired. Both
//! are made by Supabase when somebody signs in, and replace whatever was there: what
//! a browser brought along before is never signed in.
//!
//! # Invariant
//!
//! A form counts from our own page, in the browser and session it was made for.
//! `check_form` asks the browser where the request comes from (`Sec-Fetch-Site`,
//! `Origin`; one has to say that it is us and neither may deny it) and wants the HMAC of
//! the session's id that the page carried; of a random cookie before anybody has signed
//! in. Signing in replaces both tokens and drops that cookie, so what was planted before
//! is worth nothing.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Form, Pages, Visit, cookies::Cookie, form};
use crate::{
    edge::Problem,
    owner,
    providers::supabase::auth::{AuthError, Tokens},
    session::{Session, SessionError},
};

/// What a browser says forms are.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Owner {
    /// As the console knows them.
    pub(crate) owner: owner::Owner,
    /// What Supabase Auth is shown.
    pub(crate) access_token: SecretString,
    /// What the forms on this page carry.
    pub(crate) form_token: String,
}

impl Owner {
    /// What the functions in the database are told.
    pub(crate) fn session(&self) -> &Session {
        self.owner.session()
    }
}

impl Pages {
    /// Who is signed in, if anybody is. Renews the session where it has to be.
    pub(crate) async fn owner(
        &self,
        head: &Parts,
        visit: &mut Visit,
    ) -> Result<Option<Owner>, Problem> {
        let access_token = Cookie::Access.read(&head.headers);
        let expired = match access_token {
            Some(token) => match self.sessions.verify_cookie(token).await {
                Ok(session) => return Ok(Some(self.recognized(session, token.into()))),
                Err(error @ SessionError::Unavailable(_)) => return Err(error.into()),
                Err(_) => true,
            },
            None => false,
        };
        let Some(refresh_token) = Cookie::Refresh.read(&head.headers) else {
            if expired {
                visit.forget_session();
            }
            return Ok(None);
        };
        let tokens = match self.auth.refresh(refresh_token).await {
            Ok(tokens) => tokens,
            Err(AuthError::Ended) => {
                visit.forget_session();
                return Ok(None);
            }
            // The session may well stand: nothing is forgotten.
            Err(error) => return Err(error.into()),
        };
        let session = self.sessions.verify_cookie(tokens.access_token.expose_secret()).await?;
        visit.remember_session(&tokens)?;
        Ok(Some(self.recognized(session, tokens.access_token)))
    }

    fn recognized(&self, session: Session, access_token: SecretString) -> Owner {
        let form_token = self.key.form_token(&binding_of(&session));
        let owner = owner::Owner::new(session, access_token.clone());
        Owner { owner, access_token, form_token }
    }

    /// The form that an owner sent, if it is ours and that owner's.
    pub(crate) fn check_form(
        &self,
        head: &Parts,
        body: &Bytes,
        owner: &Owner,
    ) -> Result<Form, Problem> {
        self.check_bound_form(head, body, &binding_of(owner.session()))
    }

    /// The form that somebody sent who has not signed in, if it is ours and that browser's.
    pub(crate) fn check_visitors_form(&self, head: &Parts, body: &Bytes) -> Result<Form, Problem> {
        let cookie = Cookie::CsrfSeed.read(&head.headers).ok_or(Problem::CrossSite)?;
        self.check_bound_form(head, body, &visitors_binding(cookie))
    }

    fn check_bound_form(&self, head: &Parts, body: &Bytes, binding: &str) -> Result<Form, Problem> {
        if !self.is_from_us(&head.headers) {
            return Err(Problem::CrossSite);
        }
        let form = Form::parse(body);
        if !self.key.is_form_token(binding, form.text(form::TOKEN)) {
            return Err(Problem::CrossSite);
        }
        Ok(form)
    }

    /// Whether the browser says that the request comes from a page of ours. Each of the two
    /// headers is believed when it says no; one of them has to say yes.
    /// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site>
    fn is_from_us(&self, headers: &HeaderMap) -> bool {
        let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
            value.to_str().is_ok_and(|value| value.split(';').next() == Some(FORM_TYPE))
        });
        let is_same_site = headers.get("sec-fetch-site").map(|value| value == "same-origin");
        let is_own_origin = headers.get(header::ORIGIN).map(|value| {
            self.origins.iter().any(|own| value == own.origin().ascii_serialization().as_str())
        });
        is_form
            && is_same_site != Some(false)
            && is_own_origin != Some(false)
            && (is_same_site.is_some() || is_own_origin.is_some())
    }

    /// What the forms carry of somebody who has not signed in. The browser is given a cookie
    /// to bind them to, if it has none.
    pub(crate) fn visitors_token(&self, head: &Parts, visit: &mut Visit) -> String {
        let cookie = match Cookie::CsrfSeed.read(&head.headers) {
            Some(cookie) => cookie.to_owned(),
            None => {
                let cookie = random();
                visit.cookies.extend(Cookie::CsrfSeed.set(&cookie));
                cookie
            }
        };
        self.key.form_token(&visitors_binding(&cookie))
    }
}

impl Visit {
    /// Has the browser keep a session, in place of whatever it had.
    pub(crate) fn remember_session(&mut self, tokens: &Tokens) -> Result<(), Problem> {
        let access = Cookie::Access.set(tokens.access_token.expose_secret());
        let refresh = Cookie::Refresh.set(tokens.refresh_token.expose_secret());
        let (Some(access), Some(refresh)) = (access, refresh) else {
            return Err(AuthError::Malformed.into());
        };
        self.cookies.extend([access, refresh]);
        Ok(())
    }

    /// Has the browser forget its session, and what its forms were bound to.
    pub(crate) fn forget_session(&mut self) {
        let cookies = [Cookie::Access, Cookie::Refresh, Cookie::CsrfSeed];
        self.cookies.extend(cookies.into_iter().filter_map(Cookie::clear));
    }
}

fn binding_of(session: &Session) -> String {
    format!("session {}", session.session_id)
}

fn visitors_binding(cookie: &str) -> String {
    format!("visitor {cookie}")
}

/// 128 bits nobody can guess.
fn random() -> String {
    let mut bytes = [0; 16];
    #[expect(clippy::expect_used, reason = "without randomness nothing here is safe")]
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
