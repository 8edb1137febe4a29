//! Conversations: the list, and one of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trust::text::phone::Phone;
use url::Url;
use uuid::Uuid;

use super::{
    Console, Cursor, Moment, Owner, OwnerError,
    leads::{Consent, Flag, Lead, Suppressed},
    shop::Shop,
};
pub use crate::messaging::assistant::Author;

/// How long a link to a picture works.
const PICTURE_LINK: Duration = Duration::from_secs(10 * 60);

/// Where pictures are: the bucket of `messaging::media`.
const BUCKET: &str = "media";

/// Which conversations are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// All, the one with the newest text first.
    #[default]
    All,
    /// Those whose last text is the lead's, and who may be answered.
    Unanswered,
    /// Those that wait for the owner, the newest first.
    Flagged,
    /// Those of people who must not be texted, the newest first.
    OptedOut,
}

/// A page of the list.
#[derive(Deserialize)]
pub struct ConversationList {
    /// What heads the page.
    pub shop: Shop,
    /// The conversations.
    pub conversations: Vec<ConversationLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One conversation in the list.
#[derive(Deserialize)]
pub struct ConversationLine {
    /// Whose it is.
    pub lead: Uuid,
    /// Their name, if it is known.
    pub name: Option<String>,
    /// Their number.
    pub phone: Phone,
    /// The last text, if it has not been erased.
    pub last_text: Option<LastText>,
    /// Why it waits for the owner, if it does.
    pub flag: Option<Flag>,
    /// Since when.
    pub flagged_at: Option<Moment>,
    /// Whether the last text is the lead's and wants an answer.
    pub is_unanswered: bool,
    /// Whether the assistant answers; else the owner has taken over.
    pub assistant_answers: bool,
    /// Why the lead must not be texted, if so.
    pub suppressed: Option<Suppressed>,
}

/// The last text of a conversation, as the list shows it.
#[derive(Deserialize)]
pub struct LastText {
    /// Who wrote it.
    pub author: Author,
    /// Its first 160 characters.
    pub body: String,
    /// Whether there are more.
    pub is_cut: bool,
    /// How many pictures and files came with it.
    pub media_count: u8,
    /// When.
    pub at: Moment,
    /// Twilio's status, `received`, `pending` or `withheld`.
    pub status: String,
}

/// A page of one conversation.
#[derive(Deserialize)]
pub struct ConversationPage {
    /// What heads the page.
    pub shop: Shop,
    /// With whom.
    pub lead: Lead,
    /// Whether and why the lead may be texted.
    pub consent: Consent,
    /// The texts, newest first.
    pub texts: Vec<Text>,
    /// Where the texts before these begin, if there are any.
    pub next: Option<Cursor>,
}

/// A text of a conversation.
#[derive(Deserialize)]
pub struct Text {
    /// Its id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: Author,
    /// What it says; numbers of cards and identities are masked.
    pub body: String,
    /// How many were.
    pub masked_count: u8,
    /// When.
    pub at: Moment,
    /// Twilio's status, `received`, `pending` or `withheld`.
    pub status: String,
    /// What Twilio says is wrong, by the number it documents.
    pub error_code: Option<u32>,
    /// Why it was lawful to send.
    pub legal_basis: Option<LegalBasis>,
    /// What came with it.
    pub media: Vec<Medium>,
}

/// Why a text may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    /// It answers what the lead wrote within a day.
    Response,
    /// The lead asked something within 6 months.
    ImpliedInquiry,
    /// The lead bought something within 2 years.
    ImpliedPurchase,
    /// The lead has agreed.
    Express,
}

/// A picture or the like that came with a text.
#[derive(Deserialize)]
pub struct Medium {
    /// Its place in the text, from 0.
    pub position: u8,
    /// What became of it.
    pub state: MediumState,
    /// What it is, by its bytes.
    pub found_type: Option<String>,
    /// Its size in bytes.
    pub byte_count: Option<u32>,
    #[serde(default)]
    storage_path: Option<String>,
    /// Where it can be seen, for ten minutes.
    #[serde(skip)]
    pub link: Option<Url>,
}

/// What became of what came with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediumState {
    /// It is being taken over.
    Pending,
    /// It is stored.
    Stored,
    /// It was not kept.
    Refused,
}

#[derive(Serialize)]
struct ListConversations<'a> {
    filter: Filter,
    before: Option<&'a Cursor>,
    limit: u16,
}

#[derive(Serialize)]
struct ReadConversation<'a> {
    lead_id: Uuid,
    before: Option<&'a Cursor>,
    limit: u16,
}

impl Console {
    /// A page of conversations: `limit` of them (100 at most) from `before` on.
    pub async fn list_conversations(
        &self,
        owner: &Owner,
        filter: Filter,
        before: Option<&Cursor>,
        limit: u16,
    ) -> Result<ConversationList, OwnerError> {
        self.read(owner, "list_conversations", ListConversations { filter, before, limit }).await
    }

    /// A page of one conversation, newest text first, with links to its pictures.
    pub async fn read_conversation(
        &self,
        owner: &Owner,
        lead_id: Uuid,
        before: Option<&Cursor>,
        limit: u16,
    ) -> Result<ConversationPage, OwnerError> {
        let request = ReadConversation { lead_id, before, limit };
        let mut page: ConversationPage = self.read(owner, "read_conversation", request).await?;
        let media = page.texts.iter_mut().flat_map(|text| &mut text.media);
        futures_util::future::join_all(media.map(|medium| self.link(medium))).await;
        Ok(page)
    }

    /// Links to a picture. Without a link the page still shows that there is one.
    async fn link(&self, medium: &mut Medium) {
        let Some(path) = medium.storage_path.take() else { return };
        match self.storage.sign(BUCKET, &path, PICTURE_LINK).await {
            Ok(link) => medium.link = Some(link),
            Err(error) => tracing::warn!(%error, "a picture could not be linked to"),
        }
    }
}
