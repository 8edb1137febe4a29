//! Ids replaced by the objects they stand for.
//! <https://docs.stripe.com/api/expanding_objects>

use serde_json::Value;

use super::{Account, refusal::Refusal, version::Version};

/// How deep Stripe expands.
const DEPTH: usize = 4;

/// Replaces what `path` names in `value`, e.g. `subscription.latest_invoice`.
pub(super) fn expand(
    account: &Account,
    version: &Version,
    value: &mut Value,
    path: &str,
) -> Result<(), Refusal> {
    let is_done = path.split('.').count() <= DEPTH && step(account, version, value, path);
    if is_done {
        Ok(())
    } else {
        let message = format!("This property cannot be expanded ({path}).");
        Err(Refusal::invalid("expand", message))
    }
}

/// Whether `path` could be followed.
fn step(account: &Account, version: &Version, value: &mut Value, path: &str) -> bool {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(inner) = value.get_mut(name) else { return false };
    if let Value::String(id) = inner {
        let Some(object) = object(account, version, id) else { return false };
        *inner = object;
    }
    match inner {
        _ if rest.is_empty() => inner.is_object() || inner.is_null(),
        // There is nothing there to expand, though there might have been.
        Value::Null => true,
        Value::Array(entries) => {
            entries.iter_mut().all(|entry| step(account, version, entry, rest))
        }
        _ => step(account, version, inner, rest),
    }
}

/// The object with this id.
fn object(account: &Account, version: &Version, id: &str) -> Option<Value> {
    let livemode = account.settings.livemode;
    let (kind, _) = id.split_once('_')?;
    Some(match kind {
        "cus" => account.customer(id)?.resource(livemode),
        "sub" => account.subscription(id)?.resource(version, livemode),
        "in" => account.invoice(id)?.resource(version, livemode),
        "pm" => account.cards.iter().rev().find(|card| card.id == id)?.resource(livemode),
        _ => return None,
    })
}
