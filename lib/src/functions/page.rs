//! Every HTML page, as one function.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, request::Parts};

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, Teller, refusals::Refusals},
    pages::{self, Pages},
    paths,
    settings::{Reader, SettingsError},
};

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct Page {
    pages: Pages,
    refusals: Refusals,
}

impl Page {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::PAGE.settings, |context| {
            let (pages, refusals) = (Pages::of(context), context.refusals(paths::PAGE));
            Some(Self { pages: pages?, refusals: refusals? })
        })
    }
}

impl Flow for Page {
    const METHODS: &'static [Method] = &[Method::GET, Method::HEAD, Method::POST];
    const MAX_BODY: usize = 64 * 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    /// Whoever reads pages is refused by one, in their language.
    fn teller(&self, head: &Parts) -> Teller {
        pages::teller(head)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        self.pages.answer(&head, &body).await
    }
}
