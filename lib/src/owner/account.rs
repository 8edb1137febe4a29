//! The account: what was done in it, and what leaves it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Console, Cursor, Moment, Owner, OwnerError, shop::Shop};
use crate::data::export::table::Format;

/// A page of the account's activity, newest first.
#[derive(Deserialize)]
pub struct ActivityList {
    /// What heads the page.
    pub shop: Shop,
    /// What happened.
    pub events: Vec<Activity>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Something that was done. No personal data: ids only.
#[derive(Debug, Deserialize)]
pub struct Activity {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: Moment,
    /// Who: `owner`, `lead`, `operator`, `system` or `provider`.
    pub actor: String,
    /// What, like `lead_corrected`. New ones come up; show those you do not know as they are.
    pub action: String,
    /// The lead, text or export it was about.
    pub subject_id: Option<Uuid>,
}

/// The privacy centre.
#[derive(Deserialize)]
pub struct AccountPage {
    /// What heads the page.
    pub shop: Shop,
    /// The exports of late, the newest first.
    pub exports: Vec<Export>,
}

/// An export, made or under way. `account_export` begins one and links to it.
#[derive(Debug, Deserialize)]
pub struct Export {
    /// Its id.
    pub id: Uuid,
    /// How its tables are written.
    pub format: Format,
    /// `unconfirmed`, `open`, `ready` or `expired`.
    pub state: String,
    /// When it was asked for.
    pub requested_at: Moment,
    /// By when it has to be there, like `2026-11-30`.
    pub due_on: String,
    /// How many rows are in it so far.
    pub rows_done: u64,
    /// How many there will be, once that is known.
    pub rows_total: Option<u64>,
    /// The moment all of it is of.
    pub snapshot_at: Option<Moment>,
    /// Its size.
    pub byte_count: Option<u64>,
    /// By which it can be checked.
    pub sha256: Option<String>,
    /// Until when it is kept.
    pub expires_at: Option<Moment>,
}

#[derive(Serialize)]
struct ListActivity<'a> {
    before: Option<&'a Cursor>,
    limit: u16,
}

#[derive(Serialize)]
struct Nothing {}

impl Console {
    /// What was done in the account: `limit` events (100 at most) from `before` on.
    pub async fn list_activity(
        &self,
        owner: &Owner,
        before: Option<&Cursor>,
        limit: u16,
    ) -> Result<ActivityList, OwnerError> {
        self.read(owner, "list_activity", ListActivity { before, limit }).await
    }

    /// The account with its exports.
    pub async fn read_account(&self, owner: &Owner) -> Result<AccountPage, OwnerError> {
        self.read(owner, "read_account", Nothing {}).await
    }
}
