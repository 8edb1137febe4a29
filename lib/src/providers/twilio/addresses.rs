//! The addresses of an account's media: a value that reading webhooks and calling the
//! API both need.
//!
//! # Invariant
//!
//! No address from a request is called. Of `MediaUrl0` and so on only the id is taken,
//! and only if the rest is exactly the text's own address.

use trust::signatures::twilio::sid::{AccountSid, MediaSid, MessageSid};
use url::Url;

/// The addresses of an account's media, as webhooks tell them and the API
/// answers at them.
#[derive(Debug, Clone)]
pub struct Addresses {
    messages: String,
}

impl Addresses {
    /// The addresses in the API at `api` for `account`.
    pub fn new(api: &Url, account: &AccountSid) -> Self {
        let base = api.as_str().trim_end_matches('/');
        Self { messages: format!("{base}/2010-04-01/Accounts/{}/Messages", account.as_str()) }
    }

    /// The address of one medium of a text.
    pub(super) fn of(&self, message: &MessageSid, medium: &MediaSid) -> String {
        format!("{}/{}/Media/{}", self.messages, message.as_str(), medium.as_str())
    }

    /// The medium at `address`, if that is one of `message` and written exactly
    /// as Twilio writes it. Nothing but the id is taken from an address that came
    /// in a request, so nobody can have us call another host.
    pub fn read(&self, message: &MessageSid, address: &str) -> Option<MediaSid> {
        let path = address.strip_prefix(&self.messages)?.strip_prefix('/')?;
        MediaSid::parse(path.strip_prefix(message.as_str())?.strip_prefix("/Media/")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://api.twilio.com/2010-04-01/Accounts";
    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const MESSAGE: &str = "MM00000000000000000000000000000002";
    const MEDIUM: &str = "ME00000000000000000000000000000003";

    fn addresses() -> Addresses {
        let api = Url::parse("https://api.twilio.com").unwrap();
        Addresses::new(&api, &AccountSid::parse(ACCOUNT).unwrap())
    }

    #[test]
    fn an_address_is_read_only_if_it_is_the_texts_own() {
        let message = MessageSid::parse(MESSAGE).unwrap();
        let medium = MediaSid::parse(MEDIUM).unwrap();
        let own = addresses().of(&message, &medium);
        assert_eq!(own, format!("{API}/{ACCOUNT}/Messages/{MESSAGE}/Media/{MEDIUM}"));
        assert_eq!(addresses().read(&message, &own), Some(medium));

        let other_message = MESSAGE.replace('2', "4");
        let other_account = ACCOUNT.replace("01", "05");
        for foreign in [
            String::new(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            own.replace("https:", "http:"),
            own.replace("api.twilio.com", "api.twilio.com.evil.example"),
            own.replace("api.twilio.com", "api.twilio.com:8443"),
            own.replace("api.twilio.com", "api.twilio.com@evil.example"),
            own.replace("https://", "https://evil.example/https://"),
            own.replace(MESSAGE, &other_message),
            own.replace(ACCOUNT, &other_account),
            own.replace(MEDIUM, "../../../IncomingPhoneNumbers"),
            own.replace(MEDIUM, MESSAGE),
            format!("{own}/.."),
            format!("{own}.json"),
            format!("{own}?x=y"),
            format!("{own}#x"),
            format!(" {own}"),
        ] {
            assert_eq!(addresses().read(&message, &foreign), None, "{foreign}");
        }
    }
}
