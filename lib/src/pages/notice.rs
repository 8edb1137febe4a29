//! What a page says once, about what was just done.
//!
//! It travels in a cookie as one of these codes: no text from outside gets onto a page.

use trust::text::language::Language;

use crate::pages::words::words;

words! {
    /// What is said once about what was done.
    NoticeWords {
        signed_out: "You are signed out.", "Vous êtes déconnecté.";
        signed_out_everywhere:
            "You are signed out on every device.",
            "Vous êtes déconnecté sur tous les appareils.";
        session_ended:
            "Your session has ended. Sign in again to go on.",
            "Votre session est terminée. Connectez-vous à nouveau pour continuer.";
        sign_in_again:
            "Please sign in again to continue. You won't have to do it again for ten minutes.",
            "Reconnectez-vous pour continuer. Vous n’aurez pas à le refaire pendant dix minutes.";
        password_changed: "Your password is changed.", "Votre mot de passe est changé.";
        export_begun:
            "Your export has begun. Reload this page to see how far it is.",
            "Votre exportation a commencé. Rechargez cette page pour voir où elle en est.";
        no_shop:
            "There is no shop in your account yet.",
            "Il n’y a pas encore de commerce dans votre compte.";
        saved: "Saved.", "Enregistré.";
        sent: "Your text is on its way.", "Votre texto est en route.";
        erased: "This person's data is erased.", "Les données de cette personne sont effacées.";
    }
}

/// Whether a notice is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It was done.
    Good,
    /// It was not.
    Bad,
}

macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $tone:ident, $field:ident;)*) => {
        /// A notice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Notice {
            $($(#[$doc])* $name,)*
        }

        impl Notice {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name),*];

            /// How it is called in a cookie.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The notice of this code.
            pub(crate) fn of_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// Whether it is good news.
            pub(crate) fn tone(self) -> Tone {
                match self { $(Self::$name => Tone::$tone,)* }
            }

            /// The words for it.
            pub(crate) fn text(self, language: Language) -> &'static str {
                let words = NoticeWords::of(language);
                match self { $(Self::$name => words.$field,)* }
            }
        }
    };
}

notices! {
    /// Somebody has signed out.
    SignedOut = "signed-out", Good, signed_out;
    /// Somebody has signed out on every device.
    SignedOutEverywhere = "signed-out-everywhere", Good, signed_out_everywhere;
    /// The session is over.
    SessionEnded = "session-ended", Bad, session_ended;
    /// What was wanted needs a new sign-in.
    SignInAgain = "sign-in-again", Bad, sign_in_again;
    /// The password is another one now.
    PasswordChanged = "password-changed", Good, password_changed;
    /// An export has begun.
    ExportBegun = "export-begun", Good, export_begun;
    /// Nothing was asked of Stripe: there is no shop yet.
    NoShop = "no-shop", Bad, no_shop;
    /// It is saved.
    Saved = "saved", Good, saved;
    /// A text is on its way.
    Sent = "sent", Good, sent;
    /// A person's data is erased.
    Erased = "erased", Good, erased;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_has_a_code_of_its_own() {
        for notice in Notice::ALL {
            assert_eq!(Notice::of_code(notice.code()), Some(*notice));
        }
        assert_eq!(Notice::of_code("<script>"), None);
    }
}
