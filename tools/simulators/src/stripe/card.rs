//! Cards: what becomes of a charge is decided by the number, as with Stripe's
//! [test cards](https://docs.stripe.com/testing). Of a number only the last four
//! digits are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id;

/// A card at a customer: a `payment_method`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// `pm_…`
    pub id: String,
    /// When it was attached.
    pub created: i64,
    /// Whose it is.
    pub customer: String,
    /// What becomes of charges to it.
    pub kind: Kind,
    /// The last four digits.
    pub last4: String,
    brand: &'static str,
}

/// What becomes of charges to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They succeed.
    Good,
    /// They are declined.
    ChargesFail,
    /// They succeed while its owner is there; else the owner is asked first.
    AsksOwner,
}

/// Why a card is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// Its bank does not say why.
    GenericDecline,
    /// There is not enough money.
    InsufficientFunds,
    /// It is no test card.
    TestModeLiveCard,
    /// Its owner has to be asked.
    AuthenticationRequired,
}

impl Decline {
    /// Stripe's code for it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::GenericDecline => "generic_decline",
            Self::InsufficientFunds => "insufficient_funds",
            Self::TestModeLiveCard => "test_mode_live_card",
            Self::AuthenticationRequired => "authentication_required",
        }
    }

    /// The sentence for the card's owner.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::GenericDecline => "Your card was declined.",
            Self::InsufficientFunds => "Your card has insufficient funds.",
            Self::TestModeLiveCard => {
                "Your card was declined. Your request was in test mode, but used a non test card."
            }
            Self::AuthenticationRequired => {
                "Your card was declined. This transaction requires authentication."
            }
        }
    }
}

impl Card {
    /// Attaches the card with this number, which may hold spaces, unless it is
    /// declined at once.
    pub(super) fn attach(number: &str, customer: &str, now: i64) -> Result<Self, Decline> {
        let digits: String = number.chars().filter(|digit| !digit.is_whitespace()).collect();
        let (kind, brand) = match digits.as_str() {
            "4242424242424242" => (Kind::Good, "visa"),
            "5555555555554444" => (Kind::Good, "mastercard"),
            "4000000000000341" => (Kind::ChargesFail, "visa"),
            "4000002760003184" => (Kind::AsksOwner, "visa"),
            "4000000000000002" => return Err(Decline::GenericDecline),
            "4000000000009995" => return Err(Decline::InsufficientFunds),
            _ => return Err(Decline::TestModeLiveCard),
        };
        Ok(Self {
            id: id("pm_"),
            created: now,
            customer: customer.to_owned(),
            kind,
            last4: digits.get(digits.len() - 4..).unwrap_or_default().to_owned(),
            brand,
        })
    }

    /// The number behind one of Stripe's names for test cards, e.g. `pm_card_visa`.
    pub(super) fn number_of(test_name: &str) -> Option<&'static str> {
        Some(match test_name {
            "pm_card_visa" => "4242424242424242",
            "pm_card_mastercard" => "5555555555554444",
            "pm_card_chargeCustomerFail" => "4000000000000341",
            "pm_card_authenticationRequired" => "4000002760003184",
            "pm_card_chargeDeclined" => "4000000000000002",
            "pm_card_chargeDeclinedInsufficientFunds" => "4000000000009995",
            _ => return None,
        })
    }

    /// What becomes of a charge.
    pub(super) fn charge(&self, is_owner_there: bool) -> Result<(), Decline> {
        match self.kind {
            Kind::Good => Ok(()),
            Kind::ChargesFail => Err(Decline::GenericDecline),
            Kind::AsksOwner if is_owner_there => Ok(()),
            Kind::AsksOwner => Err(Decline::AuthenticationRequired),
        }
    }

    /// The API's object.
    pub(super) fn resource(&self, livemode: bool) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "card": {
                "brand": self.brand,
                "checks": { "address_line1_check": null, "cvc_check": "pass" },
                "country": "CA",
                "display_brand": self.brand,
                "exp_month": 12,
                "exp_year": 2034,
                "funding": "credit",
                "generated_from": null,
                "last4": self.last4,
                "three_d_secure_usage": { "supported": true },
                "wallet": null,
            },
            "created": self.created,
            "customer": self.customer,
            "livemode": livemode,
            "metadata": {},
            "type": "card",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides_what_becomes_of_a_card() {
        use Decline::{
            AuthenticationRequired, GenericDecline, InsufficientFunds, TestModeLiveCard,
        };
        for (number, with_owner, without) in [
            ("4242 4242 4242 4242", Ok(()), Ok(())),
            ("4000000000000341", Err(GenericDecline), Err(GenericDecline)),
            ("4000002760003184", Ok(()), Err(AuthenticationRequired)),
        ] {
            let card = Card::attach(number, "cus_1", 0).unwrap();
            assert_eq!((card.charge(true), card.charge(false)), (with_owner, without));
            assert!(!format!("{card:?}").contains("4000000000000341"), "the number is not kept");
            assert!(number.replace(' ', "").ends_with(&card.last4));
        }
        for (number, decline) in [
            ("4000000000000002", GenericDecline),
            ("4000000000009995", InsufficientFunds),
            ("4111111111111112", TestModeLiveCard),
            ("", TestModeLiveCard),
        ] {
            assert_eq!(Card::attach(number, "cus_1", 0), Err(decline), "{number}");
        }
    }
}
