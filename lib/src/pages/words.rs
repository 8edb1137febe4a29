//! How pages say things: each text in English and French side by side, next to the page
//! that says it. What one language has and the other has not does not compile.

use trust::text::language::Language;

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: &'static str,
    /// In French.
    pub fr: &'static str,
}

impl Text {
    /// The text in `language`.
    pub fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::French => self.fr,
        }
    }
}

/// Declares what a page says: a struct of texts, each given in English, then in French. Its
/// `of(language)` is all of it in one language.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $en:expr, $fr:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(in crate::pages) $field: &'static str),*
        }

        impl $name {
            /// All of it in `language`.
            pub(in crate::pages) fn of(
                language: ::trust::text::language::Language,
            ) -> &'static Self {
                static ENGLISH: $name = $name { $($field: $en),* };
                static FRENCH: $name = $name { $($field: $fr),* };
                match language {
                    ::trust::text::language::Language::English => &ENGLISH,
                    ::trust::text::language::Language::French => &FRENCH,
                }
            }
        }
    };
}

pub(crate) use words;
