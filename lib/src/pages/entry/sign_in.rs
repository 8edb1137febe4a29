//! Signing in, up and out: with a password, or with a code that was sent by e-mail.
//!
//! Whether there is an account with an address is told to nobody who asks for a code.

use bytes::Bytes;
use http::{StatusCode, header, request::Parts};
use maud::{Markup, html};
use secrecy::ExposeSecret as _;

use crate::{
    edge::{Answer, Problem},
    pages::{
        Notice, Pages, Visit,
        cookies::Cookie,
        entry::{EntryWords, password},
        form::{self, Field, Form},
        layout,
        owner::billing::BillingWords,
        table::{self, Entrance},
        visit::Query,
    },
    providers::supabase::auth::{AuthError, CodeKind, Scope, Tokens},
    rate_limit::Limit,
};

/// How long to wait when Supabase itself says that it is too much, in seconds.
const PAUSE: u32 = 60;

/// What a code is for, as pages and addresses say it.
const SIGN_UP: &str = "sign-up";
const RECOVERY: &str = "recovery";

fn kind_of(purpose: &str) -> CodeKind {
    match purpose {
        SIGN_UP => CodeKind::SignUp,
        RECOVERY => CodeKind::Recovery,
        _ => CodeKind::SignIn,
    }
}

impl Pages {
    /// A form for somebody who has not signed in.
    pub(crate) fn entrance(&self, entrance: Entrance, mut visit: Visit, head: &Parts) -> Answer {
        let token = self.visitors_token(head, &mut visit);
        let query = Query::of(head);
        let next = Some(query.get("next")).filter(|path| table::is_page(path)).unwrap_or_default();
        let form = Form::filled([("next", next), ("for", query.get("for"))]);
        visit.page(self.entry_page(entrance, &visit, &token, &form))
    }

    /// What somebody sent with such a form.
    pub(crate) async fn enter(
        &self,
        entrance: Entrance,
        mut visit: Visit,
        head: &Parts,
        mut form: Form,
    ) -> Result<Answer, Problem> {
        let words = EntryWords::of(visit.language);
        let email = form.text("email").to_lowercase();
        if !is_email(&email) {
            form.wrong("email", words.wrong_email);
        }
        let password = form.secret("password");
        match entrance {
            Entrance::SignIn if password.expose_secret().is_empty() => {
                form.wrong("password", words.no_password);
            }
            Entrance::SignUp => {
                if let Some(fault) = password::fault(password.expose_secret(), &email, words) {
                    form.wrong("password", fault);
                }
            }
            Entrance::EnterCode if form.text("code").is_empty() => {
                form.wrong("code", words.no_code)
            }
            _ => {}
        }
        if !form.is_good() {
            return Ok(self.again(entrance, visit, head, &form));
        }
        self.limit(entrance, head, &email).await?;

        let kind = kind_of(form.text("for"));
        let outcome = match entrance {
            Entrance::SignIn => self.auth.sign_in(&email, password.expose_secret()).await.map(Some),
            Entrance::SignUp => self.auth.sign_up(&email, password.expose_secret()).await,
            Entrance::SendCode => self.auth.send_code(kind, &email).await.map(|()| None),
            _ => self.auth.verify_code(kind, &email, form.text("code")).await.map(Some),
        };
        match outcome {
            Ok(Some(tokens)) => self.signed_in(&mut visit, &form, kind, &tokens),
            // A new address has to be confirmed with a code; else a code was asked for.
            Ok(None) => {
                let purpose = if entrance == Entrance::SignUp { SIGN_UP } else { form.text("for") };
                Ok(self.code_page(visit, head, &email, purpose, form.text("next")))
            }
            Err(AuthError::Unconfirmed) => {
                // Whoever knows the password may know that the address is not confirmed.
                self.auth.send_code(CodeKind::SignUp, &email).await?;
                Ok(self.code_page(visit, head, &email, SIGN_UP, form.text("next")))
            }
            Err(AuthError::TooMany) => Err(Problem::TooMany(PAUSE)),
            // What is sent to an address that has no account is the same page.
            Err(AuthError::Refused(status))
                if entrance == Entrance::SendCode && status.is_client_error() =>
            {
                Ok(self.code_page(visit, head, &email, form.text("for"), form.text("next")))
            }
            Err(error) => {
                match error {
                    AuthError::Exists => form.wrong("email", words.exists),
                    AuthError::WeakPassword => form.wrong("password", words.weak),
                    AuthError::Credentials | AuthError::Ended
                        if entrance == Entrance::EnterCode =>
                    {
                        form.wrong("code", words.wrong_code);
                    }
                    // Whose account is closed learns no more than whoever guesses.
                    AuthError::Credentials | AuthError::Ended => {
                        form.wrong("password", words.wrong_pair);
                    }
                    AuthError::Refused(status)
                        if entrance == Entrance::EnterCode && status.is_client_error() =>
                    {
                        form.wrong("code", words.wrong_code);
                    }
                    error => return Err(error.into()),
                }
                Ok(self.again(entrance, visit, head, &form))
            }
        }
    }

    /// The page after a session was made. What the browser had before counts no more: the
    /// session is Supabase's new one, and forms are bound to it.
    fn signed_in(
        &self,
        visit: &mut Visit,
        form: &Form,
        kind: CodeKind,
        tokens: &Tokens,
    ) -> Result<Answer, Problem> {
        visit.remember_session(tokens)?;
        visit.cookies.extend(Cookie::CsrfSeed.clear());
        let next = form.text("next");
        let place = if kind == CodeKind::Recovery {
            "/password"
        } else if table::is_page(next) {
            next
        } else {
            layout::HOME_OF_OWNERS
        };
        Ok(visit.redirect(place, None))
    }

    /// The form again, with what is wrong.
    fn again(&self, entrance: Entrance, mut visit: Visit, head: &Parts, form: &Form) -> Answer {
        let token = self.visitors_token(head, &mut visit);
        let page = self.entry_page(entrance, &visit, &token, form);
        visit.page_with(StatusCode::BAD_REQUEST, page)
    }

    /// The page on which a code is typed that was sent, if there is such an account.
    fn code_page(
        &self,
        mut visit: Visit,
        head: &Parts,
        email: &str,
        purpose: &str,
        next: &str,
    ) -> Answer {
        let token = self.visitors_token(head, &mut visit);
        let form = Form::filled([("email", email), ("for", purpose), ("next", next)]);
        visit.page(self.entry_page(Entrance::EnterCode, &visit, &token, &form))
    }

    /// Refuses who tries too often: for one account, or from one place of the network.
    async fn limit(&self, entrance: Entrance, head: &Parts, email: &str) -> Result<(), Problem> {
        // Vercel writes this header itself, whatever a client says.
        // https://vercel.com/docs/headers/request-headers#x-real-ip
        let from = head.headers.get("x-real-ip").and_then(|value| value.to_str().ok());
        let from = from.unwrap_or_default();
        let limits: &[(Limit, &str)] = match entrance {
            Entrance::SignUp => &[(Limit::SignUpFrom, from)],
            Entrance::SendCode => &[(Limit::CodeFrom, from), (Limit::Code, email)],
            _ => &[(Limit::SignInFrom, from), (Limit::SignIn, email)],
        };
        for (limit, subject) in limits {
            self.take_limit(*limit, subject).await?;
        }
        Ok(())
    }

    /// Ends the session in this browser, or all sessions.
    pub(crate) async fn sign_out(
        &self,
        everywhere: bool,
        mut visit: Visit,
        head: &Parts,
        body: &Bytes,
    ) -> Result<Answer, Problem> {
        let Some(owner) = self.owner(head, &mut visit).await? else {
            return Ok(visit.redirect("/sign-in", Some(Notice::SignedOut)));
        };
        self.check_form(head, body, &owner)?;
        let (scope, notice) = if everywhere {
            (Scope::Everywhere, Notice::SignedOutEverywhere)
        } else {
            (Scope::Here, Notice::SignedOut)
        };
        self.auth.sign_out(owner.access_token.expose_secret(), scope).await?;
        // A renewal on the way here is forgotten too.
        visit.cookies.clear();
        visit.forget_session();
        let mut answer = visit.redirect("/sign-in", Some(notice));
        let clear = header::HeaderValue::from_static(r#""cache""#);
        answer.response.headers_mut().insert("clear-site-data", clear);
        Ok(answer)
    }

    fn entry_page(&self, entrance: Entrance, visit: &Visit, token: &str, form: &Form) -> Markup {
        let words = EntryWords::of(visit.language);
        let is_recovery = form.text("for") == RECOVERY;
        let (title, lead, press) = match entrance {
            Entrance::SignIn => (words.sign_in_title, None, words.sign_in),
            Entrance::SignUp => (words.sign_up_title, None, words.sign_up),
            Entrance::SendCode if is_recovery => {
                (words.recovery_title, Some(words.recovery_lead), words.send_code)
            }
            Entrance::SendCode => (words.code_title, Some(words.code_lead), words.send_code),
            _ => (words.enter_title, Some(words.code_sent), words.confirm),
        };
        let action = match entrance {
            Entrance::SignIn => "/sign-in",
            Entrance::SignUp => "/sign-up",
            Entrance::SendCode => "/code",
            _ => "/code/enter",
        };
        let trial_days = self.billing.trial_days();
        let content = html! {
            div.narrow {
                h1 { (title) }
                @if let Some(lead) = lead { p { (lead) } }
                @if entrance == Entrance::SignUp && trial_days > 0 {
                    p { (BillingWords::of(visit.language).trial(trial_days)) }
                }
                form.card method="post" action=(action) {
                    (form::token(token))
                    input type="hidden" name="next" value=(form.text("next"));
                    input type="hidden" name="for" value=(form.text("for"));
                    (email_field(words.email).show(form))
                    @match entrance {
                        Entrance::SignIn => (password_field(words.password).show(form)),
                        Entrance::SignUp => {
                            (password::new_field(words, form))
                            p.quiet { (words.bcrypt) }
                        },
                        Entrance::EnterCode => (code_field(words.code, words.code_hint).show(form)),
                        _ => {},
                    }
                    button type="submit" { (press) }
                }
                (other_ways(entrance, visit))
            }
        };
        layout::public(visit, title, content)
    }
}

fn other_ways(entrance: Entrance, visit: &Visit) -> Markup {
    let words = EntryWords::of(visit.language);
    let ways: &[(&str, &str)] = match entrance {
        Entrance::SignIn => &[
            ("/code?for=sign-in", words.with_code),
            ("/code?for=recovery", words.forgot),
            ("/sign-up", words.no_account),
        ],
        _ => &[("/sign-in", words.has_account)],
    };
    html! { @for (path, text) in ways { p { a href=(path) { (text) } } } }
}

fn email_field(label: &str) -> Field<'_> {
    let (name, kind, autocomplete) = ("email", "email", "username");
    Field { name, label, hint: None, kind, autocomplete, max_length: 254, is_required: true }
}

fn password_field(label: &str) -> Field<'_> {
    let (name, kind, autocomplete) = ("password", "password", "current-password");
    Field { name, label, hint: None, kind, autocomplete, max_length: 200, is_required: true }
}

fn code_field<'a>(label: &'a str, hint: &'a str) -> Field<'a> {
    let (name, kind, autocomplete) = ("code", "text", "one-time-code");
    Field { name, label, hint: Some(hint), kind, autocomplete, max_length: 12, is_required: true }
}

/// Whether it has the form of an address; whether there is one, only a code shows.
fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let is_plain = |part: &str| {
        !part.is_empty() && !part.chars().any(|letter| letter.is_whitespace() || letter == '@')
    };
    text.len() <= 254
        && is_plain(name)
        && is_plain(host)
        && host.split('.').count() >= 2
        && host.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        for good in ["a@b.ca", "a.b+c@sub.example.com", "é@exemple.ca"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@", "@b.ca", "a@b", "a@b.", "a@.ca", "a b@c.ca", "a@b@c.ca"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
