//! Why functions of ours in the database refuse a call: one name for each, and the
//! SQLSTATE that `app.refuse` raises for it.
//!
//! PostgREST answers an SQLSTATE `PTnnn` with the HTTP status nnn.
//! <https://docs.postgrest.org/en/stable/references/errors.html#custom-errors>

/// Why a function of ours in the database refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It asks for something that there is not, in a way none of ours asks.
    Malformed,
    /// It does not say which of the owner's shops.
    Ambiguous,
    /// The session was ended.
    SessionEnded,
    /// The owner has a second factor and has not shown it.
    SecondFactor,
    /// There is no such row, or it is somebody else's.
    NotFound,
    /// What was typed to confirm is not the shop's name.
    OtherName,
    /// The backup is past its time.
    BackupGone,
    /// The owner's e-mail address is not confirmed.
    Unconfirmed,
    /// Rows are missing after a restore.
    RowsMissing,
    /// Another user has the owner's e-mail address or phone.
    ContactTaken,
    /// The account is restored already.
    AlreadyRestored,
    /// The account is still being closed.
    StillClosing,
    /// The owner has no shop.
    NoShop,
}

impl Refusal {
    /// All of them. A test compares this with `app.refusal_code`.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Ambiguous,
        Self::SessionEnded,
        Self::SecondFactor,
        Self::NotFound,
        Self::OtherName,
        Self::BackupGone,
        Self::Unconfirmed,
        Self::RowsMissing,
        Self::ContactTaken,
        Self::AlreadyRestored,
        Self::StillClosing,
        Self::NoShop,
    ];

    /// The name by which SQL refuses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Ambiguous => "ambiguous",
            Self::SessionEnded => "session_ended",
            Self::SecondFactor => "second_factor",
            Self::NotFound => "not_found",
            Self::OtherName => "other_name",
            Self::BackupGone => "backup_gone",
            Self::Unconfirmed => "unconfirmed",
            Self::RowsMissing => "rows_missing",
            Self::ContactTaken => "contact_taken",
            Self::AlreadyRestored => "already_restored",
            Self::StillClosing => "still_closing",
            Self::NoShop => "no_shop",
        }
    }

    /// The SQLSTATE.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "PT400",
            Self::Ambiguous => "PT417",
            Self::SessionEnded => "PT401",
            Self::SecondFactor => "PT403",
            Self::NotFound => "PT404",
            Self::OtherName => "PT409",
            Self::BackupGone => "PT410",
            Self::Unconfirmed => "PT412",
            Self::RowsMissing => "PT422",
            Self::ContactTaken => "PT423",
            Self::AlreadyRestored => "PT424",
            Self::StillClosing => "PT425",
            Self::NoShop => "PT428",
        }
    }

    /// The refusal of an SQLSTATE, if it is one of ours.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_and_a_code_of_its_own() {
        let names: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        assert_eq!(names.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::of(refusal.code()), Some(refusal));
        }
        assert_eq!(Refusal::of("42501"), None);
    }
}
