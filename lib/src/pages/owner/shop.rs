//! `/shop` and `/welcome`: what the assistant knows, and how a shop begins.

use http::StatusCode;
use maud::{Markup, html};
use trust::text::language::Language;

use crate::{
    edge::{Answer, Problem},
    owner::{
        OwnerError, Saved,
        shop::{Profile, ProfileForm},
    },
    pages::{
        Notice, Pages, Visit,
        cookies::Cookie,
        faults,
        form::{self, Field, Form},
        layout,
        signed_in::Owner,
        visit,
        words::words,
    },
    rate_limit::Limit,
};

words! {
    /// The shop.
    ShopWords {
        title: "Your shop", "Votre commerce";
        welcome_title: "Tell us about your shop", "Parlez-nous de votre commerce";
        welcome:
            "What you write here is all the assistant knows. You can change it at any time.",
            "L’assistant ne saura que ce que vous écrivez ici. Vous pouvez le changer en tout temps.";
        open: "Open the shop", "Ouvrir le commerce";
        name: "Name of the shop", "Nom du commerce";
        name_hint:
            "Your first text to each customer begins with it.",
            "Votre premier texto à chaque client commence par ce nom.";
        mailing_address: "Mailing address", "Adresse postale";
        mailing_address_hint:
            "Canada's anti-spam law requires it to be available to everyone you text.",
            "La loi canadienne anti-pourriel exige que toute personne que vous textez puisse la trouver.";
        contact_email: "E-mail address for customers", "Adresse courriel pour les clients";
        contact_hint:
            "One of these three is needed: an e-mail address, a number or a website.",
            "Il en faut une des trois : une adresse courriel, un numéro ou un site.";
        contact_phone: "Phone number for customers", "Téléphone pour les clients";
        website: "Website", "Site web";
        time_zone: "Time zone", "Fuseau horaire";
        language: "Language", "Langue";
        english: "English", "English";
        french: "Français", "Français";
        about: "What the assistant may tell customers", "Ce que l’assistant peut dire aux clients";
        about_hint:
            "Hours, prices, services, where to park. It never quotes a price that isn't listed here.",
            "Heures, prix, services, stationnement. Il ne donne jamais un prix qui n’est pas indiqué ici.";
        instructions: "How the assistant should talk", "Comment l’assistant doit parler";
        instructions_hint:
            "Tone, what to ask, when to hand over to you.",
            "Le ton, quoi demander, quand vous passer la main.";
        save: "Save", "Enregistrer";
        conflict:
            "The profile was changed meanwhile. Copy what you typed, reload the page, and try again.",
            "Le profil a été changé entre-temps. Copiez votre texte, rechargez la page et réessayez.";
        unconfirmed:
            "Confirm your e-mail address first: sign in with a code by e-mail.",
            "Confirmez d’abord votre adresse courriel : connectez-vous avec un code par courriel.";
        try_title: "Try the assistant", "Essayer l’assistant";
        question: "Ask as a customer would", "Demandez comme un client";
        question_hint:
            "It answers from what is saved above. Nothing is kept, nobody is texted.",
            "Il répond d’après ce qui est enregistré ci-dessus. Rien n’est gardé, personne n’est texté.";
        ask: "Ask", "Demander";
        would_say: "The assistant would say:", "L’assistant dirait :";
    }
}

impl Pages {
    /// The profile, or what was typed into it, or a question to try.
    pub(crate) async fn shop(
        &self,
        visit: &Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        let words = ShopWords::of(visit.language);
        let Some(mut form) = form else {
            let page = self.console.read_shop(&owner.owner).await?;
            return Ok(visit.page(shop_page(visit, owner, &filled(&page.profile), None)));
        };
        if form.text("do") == "try" {
            return self.try_assistant(visit, owner, form).await;
        }
        let version = form.text("version").parse().unwrap_or_default();
        match self.console.update_shop(&owner.owner, version, &typed(&form)).await {
            Ok(Saved::Saved { .. }) => return Ok(visit.redirect("/shop", Some(Notice::Saved))),
            Ok(Saved::Conflict { .. }) => form.wrong("name", words.conflict),
            Err(OwnerError::Fields(faults)) => faults::add(&mut form, &faults, visit),
            Err(error) => return Err(error.into()),
        }
        Ok(visit.page_with(StatusCode::BAD_REQUEST, shop_page(visit, owner, &form, None)))
    }

    /// What the assistant would answer, from the profile as it is stored.
    async fn try_assistant(
        &self,
        visit: &Visit,
        owner: &Owner,
        asked: Form,
    ) -> Result<Answer, Problem> {
        let user_id = owner.session().user_id.to_string();
        self.take_limit(Limit::TryAssistant, &user_id).await?;
        let page = self.console.read_shop(&owner.owner).await?;
        let mut form = filled(&page.profile);
        form.put("question", asked.text("question"));
        match self.console.try_assistant(&page.profile, asked.text("question")).await {
            Ok(draft) => Ok(visit.page(shop_page(visit, owner, &form, Some(&draft.body)))),
            Err(faults) => {
                faults::add(&mut form, &faults, visit);
                let page = shop_page(visit, owner, &form, None);
                Ok(visit.page_with(StatusCode::BAD_REQUEST, page))
            }
        }
    }

    /// How a shop begins.
    pub(crate) async fn welcome(
        &self,
        visit: &mut Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        let words = ShopWords::of(visit.language);
        let Some(mut form) = form else {
            // Who has a shop already looks at it.
            match self.console.read_shop(&owner.owner).await {
                Ok(_) => return Ok(visit.redirect("/shop", None)),
                Err(OwnerError::NoShop) => {}
                Err(error) => return Err(error.into()),
            }
            let language = visit::code(visit.language);
            let form = Form::filled([("language", language), ("time_zone", "America/Toronto")]);
            return Ok(visit.page(welcome_page(visit, owner, &form)));
        };
        match self.console.open_account(&owner.owner, &typed(&form)).await {
            Ok(_) => {
                visit.cookies.extend(Cookie::Language.set(form.text("language")));
                return Ok(visit.redirect(layout::HOME_OF_OWNERS, Some(Notice::Saved)));
            }
            Err(OwnerError::Unconfirmed) => form.wrong("name", words.unconfirmed),
            Err(OwnerError::Fields(faults)) => faults::add(&mut form, &faults, visit),
            Err(error) => return Err(error.into()),
        }
        Ok(visit.page_with(StatusCode::BAD_REQUEST, welcome_page(visit, owner, &form)))
    }
}

fn typed(form: &Form) -> ProfileForm<'_> {
    ProfileForm {
        name: form.text("name"),
        mailing_address: form.text("mailing_address"),
        contact_email: form.text("contact_email"),
        contact_phone: form.text("contact_phone"),
        website: form.text("website"),
        time_zone: form.text("time_zone"),
        language: form.text("language"),
        about: form.text("about"),
        instructions: form.text("instructions"),
    }
}

fn filled(profile: &Profile) -> Form {
    Form::filled([
        ("version", &profile.version.to_string()),
        ("name", &profile.name),
        ("mailing_address", &profile.mailing_address),
        ("contact_email", profile.contact_email.as_deref().unwrap_or_default()),
        ("contact_phone", profile.contact_phone.as_ref().map_or("", |phone| phone.as_str())),
        ("website", profile.website.as_deref().unwrap_or_default()),
        ("time_zone", &profile.time_zone),
        ("language", visit::code(profile.language)),
        ("about", &profile.about),
        ("instructions", &profile.instructions),
    ])
}

fn shop_page(visit: &Visit, owner: &Owner, form: &Form, answer: Option<&str>) -> Markup {
    let words = ShopWords::of(visit.language);
    let content = html! {
        h1 { (words.title) }
        form.card method="post" action="/shop" {
            (form::token(&owner.form_token))
            input type="hidden" name="version" value=(form.text("version"));
            (fields(visit, form))
            button type="submit" { (words.save) }
        }
        form.card #try method="post" action="/shop#try" {
            h2 { (words.try_title) }
            (form::token(&owner.form_token))
            input type="hidden" name="do" value="try";
            (form::long_field(form, "question", words.question, Some(words.question_hint), 1000))
            button.second type="submit" { (words.ask) }
            @if let Some(answer) = answer {
                div.notice role="status" { p { strong { (words.would_say) } } p.said { (answer) } }
            }
        }
    };
    visit.owners_page(owner, words.title, content)
}

fn welcome_page(visit: &Visit, owner: &Owner, form: &Form) -> Markup {
    let words = ShopWords::of(visit.language);
    let content = html! {
        h1 { (words.welcome_title) }
        p.prose { (words.welcome) }
        form.card method="post" {
            (form::token(&owner.form_token))
            (fields(visit, form))
            button type="submit" { (words.open) }
        }
    };
    visit.owners_page(owner, words.welcome_title, content)
}

fn fields(visit: &Visit, form: &Form) -> Markup {
    let words = ShopWords::of(visit.language);
    let line = |name, label, hint, kind, max_length, is_required| {
        let autocomplete = "off";
        Field { name, label, hint, kind, autocomplete, max_length, is_required }.show(form)
    };
    let languages = [(Language::English, words.english), (Language::French, words.french)];
    html! {
        (line("name", words.name, Some(words.name_hint), "text", 60, true))
        (form::long_field(form, "mailing_address", words.mailing_address,
            Some(words.mailing_address_hint), 300))
        (line("contact_email", words.contact_email, Some(words.contact_hint), "email", 254, false))
        (line("contact_phone", words.contact_phone, None, "tel", 30, false))
        (line("website", words.website, None, "url", 200, false))
        (line("time_zone", words.time_zone, None, "text", 60, false))
        fieldset {
            legend { (words.language) }
            @for (language, name) in languages {
                @let code = visit::code(language);
                label {
                    input type="radio" name="language" value=(code)
                        checked[form.text("language") == code];
                    (name)
                }
            }
            @if let Some(error) = form.error("language") { p.error { (error) } }
        }
        (form::long_field(form, "about", words.about, Some(words.about_hint), 8000))
        (form::long_field(form, "instructions", words.instructions, Some(words.instructions_hint), 4000))
    }
}
