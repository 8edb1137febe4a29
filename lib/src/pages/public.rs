//! Pages for everybody.

pub(super) mod changelog;
pub(super) mod home;
pub(super) mod incidents;
pub(super) mod policy_reports;
pub(super) mod privacy;
pub mod processors;
pub mod promises;
pub(super) mod security;
pub mod well_known;

use super::{Pages, Visit, settings::Contacts, table};
use crate::edge::{Answer, Problem};

impl Visit {
    pub(super) fn home(&self) -> Answer {
        self.page(home::page(self))
    }

    pub(super) fn security(&self, contacts: &Contacts) -> Answer {
        self.page(security::page(self, contacts))
    }

    pub(super) fn privacy(&self, contacts: &Contacts) -> Answer {
        self.page(privacy::page(self, contacts))
    }

    pub(super) fn changelog(&self) -> Answer {
        self.page(changelog::page(self))
    }

    pub(super) fn incidents(&self) -> Answer {
        self.page(incidents::page(self))
    }

    pub(super) fn incident(&self, name: &str) -> Result<Answer, Problem> {
        let incident = incidents::find(name).ok_or(table::NO_PAGE)?;
        Ok(self.page(incidents::one(self, incident)))
    }
}

impl Pages {
    pub(super) fn security_txt(&self) -> Answer {
        well_known::security_txt(&self.contacts, &self.origins)
    }

    pub(super) fn privacy_control(&self) -> Answer {
        well_known::privacy_control()
    }
}
