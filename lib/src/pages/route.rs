//! Which page is at which path.

use http::Method;
use uuid::Uuid;

use super::public::{
    incidents::{self, Incident},
    policy_reports,
};

const READ: &[Method] = &[Method::GET, Method::HEAD];
const SEND: &[Method] = &[Method::POST];
const BOTH: &[Method] = &[Method::GET, Method::HEAD, Method::POST];

/// A page, or something else that is asked for without `/api/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Home,
    Security,
    Privacy,
    Changelog,
    Incidents,
    Incident(&'static Incident),
    SecurityTxt,
    PrivacyControl,
    Reports,
    SignIn,
    SignUp,
    SendCode,
    EnterCode,
    SignOut,
    SignOutEverywhere,
    Password,
    Welcome,
    Conversations,
    Conversation(Uuid),
    Leads,
    Lead(Uuid),
    /// All there is about one person.
    LeadFile(Uuid),
    Shop,
    Activity,
    Billing,
    PrivacyCentre,
    DeleteAccount,
    /// The way to an export's bundle.
    Download(Uuid),
}

impl Route {
    /// The route of a path, if there is one. Paths have one spelling each.
    pub(crate) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Home,
            "/security" => Self::Security,
            "/privacy" => Self::Privacy,
            "/changelog" => Self::Changelog,
            "/incidents" => Self::Incidents,
            "/.well-known/security.txt" => Self::SecurityTxt,
            "/.well-known/gpc.json" => Self::PrivacyControl,
            policy_reports::PATH => Self::Reports,
            "/sign-in" => Self::SignIn,
            "/sign-up" => Self::SignUp,
            "/code" => Self::SendCode,
            "/code/enter" => Self::EnterCode,
            "/sign-out" => Self::SignOut,
            "/sign-out/everywhere" => Self::SignOutEverywhere,
            "/password" => Self::Password,
            "/welcome" => Self::Welcome,
            "/conversations" => Self::Conversations,
            "/leads" => Self::Leads,
            "/shop" => Self::Shop,
            "/activity" => Self::Activity,
            "/billing" => Self::Billing,
            "/privacy-centre" => Self::PrivacyCentre,
            "/privacy-centre/delete" => Self::DeleteAccount,
            _ => return Self::of_one(path),
        })
    }

    /// The route of a path that names one of many.
    fn of_one(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/')?;
        match folder {
            "/incidents" => incidents::find(name).map(Self::Incident),
            "/privacy-centre/exports" => id(name).map(Self::Download),
            "/conversations" => id(name).map(Self::Conversation),
            "/leads" => id(name).map(Self::Lead),
            _ => {
                let lead = folder.strip_prefix("/leads/").filter(|_| name == "export")?;
                id(lead).map(Self::LeadFile)
            }
        }
    }

    /// What may be asked of it.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::Home
            | Self::Security
            | Self::Privacy
            | Self::Changelog
            | Self::Incidents
            | Self::Incident(_)
            | Self::SecurityTxt
            | Self::PrivacyControl
            | Self::Conversations
            | Self::Activity
            | Self::LeadFile(_)
            | Self::Download(_) => READ,
            Self::Reports | Self::SignOut | Self::SignOutEverywhere => SEND,
            Self::SignIn
            | Self::SignUp
            | Self::SendCode
            | Self::EnterCode
            | Self::Password
            | Self::Welcome
            | Self::Conversation(_)
            | Self::Leads
            | Self::Lead(_)
            | Self::Shop
            | Self::Billing
            | Self::PrivacyCentre
            | Self::DeleteAccount => BOTH,
        }
    }
}

/// An id as we write them: other spellings are other paths, where there is nothing.
fn id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| id.as_hyphenated().to_string() == text)
}

/// Whether a browser may be sent to `path` because a request says so: a page of ours
/// that can be read, and nothing else.
pub(crate) fn is_page(path: &str) -> bool {
    Route::of(path).is_some_and(|route| route.methods().contains(&Method::GET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!(Route::of("/security"), Some(Route::Security));
        let id = "0193a000-0000-7000-8000-0000000000aa";
        let download = format!("/privacy-centre/exports/{id}");
        assert_eq!(Route::of(&download), Some(Route::Download(Uuid::parse_str(id).unwrap())));
        for path in [
            "",
            "//",
            "/security/",
            "/Security",
            "/index.html",
            "/api/page",
            "/incidents/",
            "/../",
            "/privacy-centre/exports/",
            "/privacy-centre/exports/0193a00000007000800000000000 00aa",
            "/privacy-centre/exports/0193A000-0000-7000-8000-0000000000AA",
            "/privacy-centre/exports/0193a0000000700080000000000000aa",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_browser_is_sent_to_our_own_pages_only() {
        assert!(is_page("/billing") && is_page("/privacy-centre"));
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out", ""] {
            assert!(!is_page(path), "{path}");
        }
    }
}
