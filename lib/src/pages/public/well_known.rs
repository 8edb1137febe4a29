//! Files that programs look for below `/.well-known/`.

use url::Url;

use crate::{edge::Answer, pages::settings::Contacts};

/// Until when `security.txt` is good. A test fails in the last 30 days before; by then
/// somebody has looked whether the contacts are right, and moved it on.
pub const SECURITY_TXT_EXPIRES: &str = "2027-10-01T00:00:00Z";

/// `/.well-known/security.txt`: <https://www.rfc-editor.org/rfc/rfc9116>.
pub(crate) fn security_txt(contacts: &Contacts, origins: &[Url]) -> Answer {
    let contact = &contacts.security;
    let mut lines = format!(
        "Contact: mailto:{contact}\n\
         Expires: {SECURITY_TXT_EXPIRES}\n\
         Preferred-Languages: en, fr\n"
    );
    // The canonical place is also where credit is given.
    if let Some(origin) = origins.first() {
        lines.push_str(&format!(
            "Canonical: {origin}.well-known/security.txt\n\
             Policy: {origin}security#report\n\
             Acknowledgments: {origin}security#credit\n"
        ));
    }
    Answer::ok("text/plain; charset=utf-8", lines)
}

/// `/.well-known/gpc.json`: <https://w3c.github.io/gpc/#gpc-support-resource>.
pub(crate) fn privacy_control() -> Answer {
    let content = serde_json::json!({ "gpc": true, "lastUpdate": "2026-11-23" });
    Answer::ok("application/json", content.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn promise_vuln_report_security_txt_has_what_the_rfc_asks_for() {
        let contacts =
            Contacts { support: "a@b.example".to_owned(), security: "s@b.example".to_owned() };
        let origins = [Url::parse("https://leadslock.example").unwrap()];
        let answer = security_txt(&contacts, &origins);
        let text = String::from_utf8(answer.response.body().to_vec()).unwrap();
        let values = |name: &str| -> Vec<&str> {
            let prefix = format!("{name}: ");
            text.lines().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
        };
        assert_eq!(values("Contact"), ["mailto:s@b.example"]);
        assert_eq!(values("Expires"), [SECURITY_TXT_EXPIRES]);
        assert_eq!(values("Preferred-Languages"), ["en, fr"]);
        let canonical = "https://leadslock.example/.well-known/security.txt";
        assert_eq!(values("Canonical"), [canonical]);
        assert_eq!(values("Acknowledgments"), ["https://leadslock.example/security#credit"]);
    }

    /// Fails a month before the file grows old, so that it never does.
    #[test]
    fn promise_vuln_report_security_txt_is_good_for_a_while() {
        let (date, time) = SECURITY_TXT_EXPIRES.split_once('T').unwrap();
        assert_eq!(time, "00:00:00Z");
        let numbers: Vec<u64> = date.split('-').map(|number| number.parse().unwrap()).collect();
        let [year, month, day] = numbers[..] else { panic!("{date}") };
        // Days since 1970; months count from March, so that the leap day is a year's last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
        let days = days - 1 - 719_468;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let left = days as i64 - (now.as_secs() / 86_400) as i64;
        assert!(left >= 30, "security.txt expires in {left} days: look whether it is true still");
        assert!(left <= 366, "the RFC recommends less than a year");
    }
}
