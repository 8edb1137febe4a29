//! What a password has to be, and the page on which an owner sets another.

use http::StatusCode;
use maud::{Markup, html};
use secrecy::ExposeSecret as _;

use crate::{
    edge::{Answer, Problem},
    pages::{
        Notice, Pages, Visit,
        entry::EntryWords,
        form::{self, Field, Form},
        signed_in::Owner,
    },
    providers::supabase::auth::{AuthError, MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS},
    session::SessionError,
};

/// What is wrong with a new password for the account with `email`.
///
/// Length is what makes a password strong; the rest keeps out what is long and still
/// among the first that anybody tries. Lists of leaked passwords are Supabase's part.
pub(crate) fn fault(
    password: &str,
    email: &str,
    words: &'static EntryWords,
) -> Option<&'static str> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Some(words.short);
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Some(words.long);
    }
    let lower = password.to_lowercase();
    let name = email.split('@').next().unwrap_or_default().to_lowercase();
    if name.chars().count() >= 4 && lower.contains(&name) && lower.len() <= name.len() + 8 {
        return Some(words.like_address);
    }
    is_simple(&lower).then_some(words.simple)
}

/// Whether a password says little for its length: few different characters, a run of
/// neighbours, or a short piece again and again.
fn is_simple(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    let mut distinct = letters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let pairs = letters.iter().zip(letters.iter().skip(1));
    let is_step = |(one, next): (&char, &char)| (*one as u32).abs_diff(*next as u32) <= 1;
    let steps = pairs.filter(|pair| is_step(*pair)).count();
    let is_repeated = (1..=letters.len() / 2).any(|length| {
        letters.iter().zip(letters.iter().skip(length)).all(|(one, next)| one == next)
    });
    distinct.len() < 6 || steps * 10 >= letters.len() * 8 || is_repeated
}

/// The field for a new password.
pub(crate) fn new_field(words: &'static EntryWords, form: &Form) -> Markup {
    let field = Field {
        name: "password",
        label: words.new_password,
        hint: Some(words.password_hint),
        kind: "password",
        autocomplete: "new-password",
        // In bytes it is checked afterwards; a browser would cut in silence.
        max_length: 200,
        is_required: true,
    };
    field.show(form)
}

impl Pages {
    /// The page for another password, or what was typed there.
    pub(crate) async fn password(
        &self,
        visit: &Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        owner.session().require_recent()?;
        let words = EntryWords::of(visit.language);
        let Some(mut form) = form else {
            return Ok(visit.page(page(visit, owner, &Form::default())));
        };
        let password = form.secret("password");
        if let Some(fault) = fault(password.expose_secret(), "", words) {
            form.wrong("password", fault);
        } else {
            match self
                .auth
                .set_password(owner.access_token.expose_secret(), password.expose_secret())
                .await
            {
                Ok(()) => {
                    return Ok(visit.redirect("/privacy-centre", Some(Notice::PasswordChanged)));
                }
                Err(AuthError::WeakPassword) => form.wrong("password", words.weak),
                Err(AuthError::SamePassword) => form.wrong("password", words.same),
                Err(AuthError::Ended) => return Err(SessionError::Ended.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(visit.page_with(StatusCode::BAD_REQUEST, page(visit, owner, &form)))
    }
}

fn page(visit: &Visit, owner: &Owner, form: &Form) -> Markup {
    let words = EntryWords::of(visit.language);
    let content = html! {
        div.narrow {
            h1 { (words.password_title) }
            p { (words.password_lead) }
            form.card method="post" {
                (form::token(&owner.form_token))
                (new_field(words, form))
                p.quiet { (words.bcrypt) }
                button type="submit" { (words.save) }
            }
        }
    };
    visit.owners_page(owner, words.password_title, content)
}

#[cfg(test)]
mod tests {
    use trust::text::language::Language;

    use super::*;

    #[test]
    fn a_password_is_long_and_not_among_the_first_tried() {
        let words = EntryWords::of(Language::English);
        let email = "owner@example.com";
        for (password, want) in [
            ("correct horse battery", None),
            ("mésange-vélo-42!", None),
            ("owner of a small bakery", None),
            ("elevenchars", Some(words.short)),
            (&"é".repeat(37), Some(words.long)),
            (&format!("{}é", "abcdefgh".repeat(9)), Some(words.long)),
            ("aaaaaaaaaaaa", Some(words.simple)),
            ("123456789012", Some(words.simple)),
            ("abcdefghijkl", Some(words.simple)),
            ("passwordpassword", Some(words.simple)),
            ("abcABCabcABCabc", Some(words.simple)),
            ("owner@example", Some(words.like_address)),
        ] {
            assert_eq!(fault(password, email, words), want, "{password}");
        }
    }
}
