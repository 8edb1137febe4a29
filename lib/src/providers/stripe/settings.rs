//! What shops can subscribe to at Stripe, and the keys to it.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::settings::Reader;

/// What it takes to call Stripe.
#[derive(Debug)]
pub struct StripeApi {
    /// The API's base URL.
    pub url: Url,
    /// A secret or restricted key: of live mode in production, else of test mode.
    pub secret_key: SecretString,
}

/// What shops can subscribe to.
#[derive(Debug)]
pub struct StripeOffer {
    /// The plans, at least one.
    pub plans: Vec<Plan>,
    /// How long the free trial of a first subscription is.
    pub trial_days: u32,
    /// Which of the account's portal configurations is used, if not its default.
    pub portal_configuration: Option<String>,
}

/// A plan.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// What we call it.
    pub name: String,
    /// What Stripe calls its price.
    pub price_id: String,
}

/// The longest trial Stripe takes.
/// <https://docs.stripe.com/api/checkout/sessions/create>
const MAX_TRIAL_DAYS: u32 = 730;

/// What it takes to know a webhook of Stripe's.
#[derive(Debug)]
pub struct StripeWebhooks {
    /// The endpoints' secrets, several while one is being rolled.
    pub secrets: Vec<SecretString>,
    /// Whether events are about real money.
    pub livemode: bool,
}

impl Reader<'_> {
    /// Reads what [`StripeApi`] holds.
    pub fn stripe_api(&self) -> Option<StripeApi> {
        let url = self.provider_url("STRIPE_API_URL", "https://api.stripe.com");
        let secret_key = self.stripe_key();
        Some(StripeApi { url: url?, secret_key: secret_key? })
    }

    /// Reads what [`StripeOffer`] holds.
    pub fn stripe_offer(&self) -> Option<StripeOffer> {
        let plans = self.plans();
        let trial_days = self.trial_days();
        let portal_configuration = self.optional("STRIPE_PORTAL_CONFIGURATION");
        Some(StripeOffer { plans: plans?, trial_days: trial_days?, portal_configuration })
    }

    fn plans(&self) -> Option<Vec<Plan>> {
        let items = self.list("STRIPE_PRICES")?;
        let plan = |item: &String| {
            let (name, price_id) = item.split_once('=')?;
            let (name, price_id) = (name.trim().to_owned(), price_id.trim().to_owned());
            let is_good = !name.is_empty() && price_id.starts_with("price_");
            is_good.then_some(Plan { name, price_id })
        };
        let plans: Option<Vec<Plan>> = items.iter().map(plan).collect();
        if plans.is_none() {
            self.fault("STRIPE_PRICES is not a list of NAME=price_…");
        }
        plans
    }

    fn trial_days(&self) -> Option<u32> {
        let Some(text) = self.optional("STRIPE_TRIAL_DAYS") else { return Some(0) };
        let days = text.parse().ok().filter(|days| *days <= MAX_TRIAL_DAYS);
        if days.is_none() {
            self.fault(&format!("STRIPE_TRIAL_DAYS is no number up to {MAX_TRIAL_DAYS}"));
        }
        days
    }

    /// Reads what [`StripeWebhooks`] holds.
    pub fn stripe_webhooks(&self) -> Option<StripeWebhooks> {
        let secrets = self.list("STRIPE_WEBHOOK_SECRET")?;
        // The prefix is a part of the key.
        let is_secret = |secret: &String| {
            secret.starts_with("whsec_") && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !secrets.iter().all(is_secret) {
            self.fault("STRIPE_WEBHOOK_SECRET holds what is no webhook secret (whsec_…)");
            return None;
        }
        let secrets = secrets.into_iter().map(SecretString::from).collect();
        Some(StripeWebhooks { secrets, livemode: self.is_production() })
    }

    /// Real money moves in production and nowhere else.
    fn stripe_key(&self) -> Option<SecretString> {
        let key = self.secret("STRIPE_SECRET_KEY")?;
        let (mode, fault) = if self.is_production() {
            ("live", "STRIPE_SECRET_KEY is no key of live mode, which production needs")
        } else {
            ("test", "STRIPE_SECRET_KEY is no key of test mode, which all but production need")
        };
        let is_of_mode = |kind: &str| key.expose_secret().starts_with(&format!("{kind}_{mode}_"));
        if !is_of_mode("sk") && !is_of_mode("rk") {
            self.fault(fault);
            return None;
        }
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_stripe(environment: &str, key: &str, secrets: &str, want: Result<usize, &[&str]>) {
        let lookup = |name: &str| {
            let value = match name {
                "VERCEL_ENV" => environment,
                "STRIPE_SECRET_KEY" => key,
                "STRIPE_WEBHOOK_SECRET" => secrets,
                _ => return None,
            };
            Some(value.to_owned())
        };
        let reader = Reader::new(&lookup);
        let settings = (reader.stripe_api(), reader.stripe_webhooks());
        let settings = reader.finish(settings.0.zip(settings.1));
        match (settings, want) {
            (Ok((api, webhooks)), Ok(count)) => {
                assert_eq!(api.url.as_str(), "https://api.stripe.com/");
                assert_eq!(webhooks.secrets.len(), count);
                assert_eq!(webhooks.livemode, environment == "production");
                assert!(!format!("{api:?} {webhooks:?}").contains("canary"));
            }
            (Err(faults), Err(want)) => assert_eq!(faults.0, want),
            (settings, want) => panic!("{settings:?} and not {want:?}"),
        }
    }

    #[test]
    fn real_money_moves_in_production_only() {
        let secret = "whsec_canary";
        check_stripe("production", "sk_live_canary", secret, Ok(1));
        check_stripe("production", "rk_live_canary", secret, Ok(1));
        check_stripe("preview", "sk_test_canary", secret, Ok(1));
        let want = ["STRIPE_SECRET_KEY is no key of live mode, which production needs"];
        check_stripe("production", "sk_test_canary", secret, Err(&want));
        check_stripe("", "rk_test_canary", secret, Err(&want));
        let want = ["STRIPE_SECRET_KEY is no key of test mode, which all but production need"];
        check_stripe("preview", "sk_live_canary", secret, Err(&want));
        check_stripe("development", "pk_test_canary", secret, Err(&want));
    }

    #[track_caller]
    fn check_offer(prices: &str, trial_days: &str, want: Result<(&[&str], u32), &str>) {
        let lookup = |name: &str| match name {
            "STRIPE_PRICES" => Some(prices.to_owned()),
            "STRIPE_TRIAL_DAYS" => Some(trial_days.to_owned()),
            _ => None,
        };
        let reader = Reader::new(&lookup);
        let offer = reader.stripe_offer();
        match (reader.finish(offer), want) {
            (Ok(offer), Ok((plans, trial_days))) => {
                let found: Vec<_> = offer
                    .plans
                    .iter()
                    .map(|plan| format!("{} {}", plan.name, plan.price_id))
                    .collect();
                assert_eq!(
                    (found, offer.trial_days),
                    (plans.iter().map(ToString::to_string).collect(), trial_days)
                );
            }
            (Err(faults), Err(want)) => assert_eq!(faults.0, [want]),
            (offer, want) => panic!("{offer:?} and not {want:?}"),
        }
    }

    #[test]
    fn an_offer_is_a_list_of_plans_and_a_trial() {
        check_offer("a=price_1", "", Ok((&["a price_1"], 0)));
        check_offer("a=price_1, b = price_2", "14", Ok((&["a price_1", "b price_2"], 14)));
        check_offer("a=price_1", "730", Ok((&["a price_1"], 730)));
        for prices in ["price_1", "a=", "=price_1", "a=prod_1", "a=price_1,b"] {
            check_offer(prices, "", Err("STRIPE_PRICES is not a list of NAME=price_…"));
        }
        for days in ["731", "-1", "a", "1.5"] {
            check_offer("a=price_1", days, Err("STRIPE_TRIAL_DAYS is no number up to 730"));
        }
    }

    #[test]
    fn webhook_secrets_are_told_from_what_is_none() {
        let check = |secrets, want| check_stripe("preview", "sk_test_x", secrets, want);
        check("whsec_a,whsec_canary", Ok(2));
        // Spaces and line ends around a secret are no part of it.
        check(" whsec_a ,\twhsec_canary\n", Ok(2));
        let want = ["STRIPE_WEBHOOK_SECRET holds what is no webhook secret (whsec_…)"];
        for secrets in ["whsec_a whsec_b", "whsec_a\nwhsec_b", "a", "whsec_a,b", "WHSEC_a"] {
            check(secrets, Err(&want));
        }
        check(",", Err(&["STRIPE_WEBHOOK_SECRET lists nothing"]));
        check("", Err(&["STRIPE_WEBHOOK_SECRET is not set"]));
    }
}
