//! The shop: what heads every page, its profile, and how it comes about.

use serde::{Deserialize, Serialize};
use trust::text::{language::Language, phone::Phone};
use uuid::Uuid;

use super::{
    Console, Moment, Owner, OwnerError, Saved,
    fields::{Fault, Faults},
};

/// What every page says of the shop.
#[derive(Debug, Deserialize)]
pub struct Shop {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it lives.
    pub state: ShopState,
    /// What it speaks, and its owner is spoken to in.
    pub language: Language,
    /// What the one who looks is to it.
    pub role: Role,
    /// How it stands with Stripe.
    pub billing: Billing,
    /// Until when a shop is served whose payment is late.
    pub served_until: Option<Moment>,
    /// The numbers it is texted at. None while it waits for one.
    pub numbers: Vec<Phone>,
    /// How many leads wait for the owner, counted up to 100.
    pub flagged: u32,
}

/// Whether a shop lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShopState {
    /// It does.
    Active,
    /// Its account is being closed: nobody is texted any more.
    Closing,
    /// It is closed.
    Closed,
}

/// What somebody is to a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its owner.
    Owner,
}

/// How a shop stands with Stripe: `app.billing_standing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// It has no subscription.
    None,
    /// Its first payment is not made.
    Incomplete,
    /// Its first payment never was.
    IncompleteExpired,
    /// It tries the service out.
    Trialing,
    /// It pays.
    Active,
    /// A payment is late, by less than the grace.
    PastDue,
    /// A payment is late, by more than that.
    GraceOver,
    /// It has ended.
    Canceled,
    /// Stripe has given up collecting.
    Unpaid,
    /// It is paused.
    Paused,
}

impl Billing {
    /// Whether a shop of this standing is served: `app.is_served`.
    pub fn is_served(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// All of a shop that its owner can change.
#[derive(Deserialize)]
pub struct Profile {
    /// Counts changes.
    pub version: i32,
    /// Its name, at the beginning of many a text.
    pub name: String,
    /// Where mail reaches it. The law wants it within reach of every text.
    pub mailing_address: String,
    /// An address for its customers.
    pub contact_email: Option<String>,
    /// A number for its customers.
    pub contact_phone: Option<Phone>,
    /// Its website.
    pub website: Option<String>,
    /// Where its clocks are.
    pub time_zone: String,
    /// What it speaks where a lead's language is not known.
    pub language: Language,
    /// What the assistant may tell customers.
    pub about: String,
    /// How the assistant is to talk.
    pub instructions: String,
    /// Weekday, date and time there now, as the assistant is told.
    pub local_time: String,
    /// When it was opened.
    pub created_at: Moment,
    /// When it was changed last.
    pub updated_at: Moment,
}

impl std::fmt::Debug for Profile {
    /// Hides addresses and numbers, which may be a person's own.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Profile(version {})", self.version)
    }
}

/// The shop with its profile.
#[derive(Debug, Deserialize)]
pub struct ShopPage {
    /// What heads the page.
    pub shop: Shop,
    /// The profile.
    pub profile: Profile,
}

/// A profile as it was typed. [`ProfileForm::check`] says what is wrong with it.
#[derive(Clone, Copy, Default)]
pub struct ProfileForm<'a> {
    /// At most 60 characters.
    pub name: &'a str,
    /// At most 300 characters.
    pub mailing_address: &'a str,
    /// One of the three contacts has to be there: fault `contact_email` if none is.
    pub contact_email: &'a str,
    /// As E.164 or North America writes it.
    pub contact_phone: &'a str,
    /// Begins with `https://`.
    pub website: &'a str,
    /// Like `America/Toronto`, which an empty one stands for.
    pub time_zone: &'a str,
    /// `en` or `fr`.
    pub language: &'a str,
    /// At most 8,000 characters.
    pub about: &'a str,
    /// At most 4,000 characters.
    pub instructions: &'a str,
}

/// A profile the database takes.
#[derive(Serialize)]
pub struct CheckedProfile {
    name: String,
    mailing_address: String,
    contact_email: Option<String>,
    contact_phone: Option<Phone>,
    website: Option<String>,
    time_zone: String,
    language: Language,
    about: String,
    instructions: String,
}

impl ProfileForm<'_> {
    /// All that is wrong with it, or what to store.
    pub fn check(&self) -> Result<CheckedProfile, Faults> {
        let mut faults = Faults::default();
        let profile = CheckedProfile {
            name: faults.line("name", self.name, 60),
            mailing_address: faults.required_text("mailing_address", self.mailing_address, 300),
            contact_email: faults.email("contact_email", self.contact_email),
            contact_phone: faults.phone("contact_phone", self.contact_phone),
            website: faults.website("website", self.website),
            time_zone: faults
                .optional_line("time_zone", self.time_zone, 60)
                .unwrap_or_else(|| "America/Toronto".to_owned()),
            language: faults.language("language", self.language),
            about: faults.text("about", self.about, 8000),
            instructions: faults.text("instructions", self.instructions, 4000),
        };
        let contacts = [self.contact_email, self.contact_phone, self.website];
        if contacts.iter().all(|contact| contact.trim().is_empty()) {
            faults.note("contact_email", Fault::Missing);
        }
        faults.or(profile)
    }
}

/// What came of opening an account.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Opened {
    /// The shop, new or as it was before.
    pub business_id: Uuid,
    /// Whether it was opened just now: who posts twice has one shop.
    pub is_new: bool,
    /// Its number. None is free if there is none: the shop waits for the next.
    pub number: Option<Phone>,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct UpdateShop<'a> {
    version: i32,
    profile: &'a CheckedProfile,
}

#[derive(Serialize)]
struct OpenAccount<'a> {
    profile: &'a CheckedProfile,
}

/// What the database finds that only it can know.
#[derive(Deserialize)]
#[serde(untagged)]
enum Checked<T> {
    Invalid { invalid: String },
    Valid(T),
}

impl<T> Checked<T> {
    fn into_result(self) -> Result<T, OwnerError> {
        match self {
            Self::Valid(value) => Ok(value),
            Self::Invalid { invalid } => {
                tracing::info!(invalid, "the database does not take a field");
                Err(OwnerError::Fields(Faults::one("time_zone", Fault::TimeZone)))
            }
        }
    }
}

impl Console {
    /// The shop and its profile.
    pub async fn read_shop(&self, owner: &Owner) -> Result<ShopPage, OwnerError> {
        self.read(owner, "read_shop", Nothing {}).await
    }

    /// Stores a profile over the version it was read as.
    pub async fn update_shop(
        &self,
        owner: &Owner,
        version: i32,
        form: &ProfileForm<'_>,
    ) -> Result<Saved<Profile>, OwnerError> {
        let profile = &form.check().map_err(OwnerError::Fields)?;
        let what = UpdateShop { version, profile };
        let saved: Checked<_> = self.write(owner, "update_shop", what).await?;
        saved.into_result()
    }

    /// Opens the owner's shop, once however often it is asked, and gives it a number
    /// if one is free.
    pub async fn open_account(
        &self,
        owner: &Owner,
        form: &ProfileForm<'_>,
    ) -> Result<Opened, OwnerError> {
        let profile = &form.check().map_err(OwnerError::Fields)?;
        let opened: Checked<_> = self.write(owner, "open_account", OpenAccount { profile }).await?;
        opened.into_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: ProfileForm<'static> = ProfileForm {
        name: "Mile End Bikes",
        mailing_address: "5425 rue de Bordeaux\r\nMontréal QC H2H 2P9",
        contact_email: "hello@mileendbikes.example",
        contact_phone: "",
        website: "",
        time_zone: "",
        language: "fr",
        about: "",
        instructions: "",
    };

    #[test]
    fn a_form_names_every_fault_at_once() {
        assert!(GOOD.check().is_ok());
        let long = "é".repeat(8001);
        let bad = ProfileForm {
            name: "",
            mailing_address: " ",
            contact_email: "hello",
            website: "http://x.example",
            language: "",
            about: &long,
            ..GOOD
        };
        let faults = bad.check().err().unwrap();
        let names: Vec<_> = faults.iter().map(|(field, _)| field).collect();
        let want = ["name", "mailing_address", "contact_email", "website", "language", "about"];
        assert_eq!(names, want);
    }

    #[test]
    fn customers_can_reach_a_shop_somehow() {
        let unreachable = ProfileForm { contact_email: "", ..GOOD };
        let faults = unreachable.check().err().unwrap();
        assert_eq!(faults.of("contact_email"), Some(Fault::Missing));
        let by_phone = ProfileForm { contact_phone: "514 555-0100", ..unreachable };
        assert_eq!(by_phone.check().unwrap().contact_phone, Phone::parse("+15145550100"));
    }
}
