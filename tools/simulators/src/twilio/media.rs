//! Pictures and the like that came with a text: the API that has them fetched
//! and deleted, and the CDN it redirects to.
//!
//! <https://www.twilio.com/docs/messaging/api/media-resource>

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use uuid::Uuid;

use super::{
    API_VERSION, Account, ApiAnswer, ApiRequest,
    behaviour::{Answer, Behaviour, On},
    messages::{ApiCall, redirect, serve},
    refusal::Refusal,
};
use crate::{
    server::{hang_up, stall},
    shared::{Held, Shared},
};

/// A file that came with a text, as Twilio keeps it.
#[derive(Debug, Clone)]
pub struct Media {
    /// Twilio's id, `ME…`.
    pub sid: String,
    /// The text it came with.
    pub message_sid: String,
    /// What the phone said it is.
    pub content_type: String,
    /// What it is.
    pub content: Bytes,
    /// Whether Twilio was told to delete it.
    pub is_deleted: bool,
    /// Its name at the CDN, which nobody can guess.
    cdn_name: String,
}

impl Media {
    /// A file that came just now.
    pub(super) fn new(message_sid: &str, content_type: &str, content: Bytes) -> Self {
        Self {
            sid: format!("ME{}", Uuid::new_v4().simple()),
            message_sid: message_sid.to_owned(),
            content_type: content_type.to_owned(),
            content,
            is_deleted: false,
            cdn_name: Uuid::new_v4().simple().to_string(),
        }
    }

    /// Its address in the API of `account`.
    pub(super) fn address(&self, account: &Account) -> String {
        let Account { api_url, sid, .. } = account;
        let Self { message_sid, sid: medium, .. } = self;
        format!("{api_url}/{API_VERSION}/Accounts/{sid}/Messages/{message_sid}/Media/{medium}")
    }
}

/// `GET …/Media/{sid}`: redirects to the CDN.
pub(super) async fn fetch(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::GET, uri, &headers, b"");
    serve(shared, On::Media, call, |shared, call, _| {
        Box::pin(async move {
            shared.change(|account| {
                let Account { api_url, sid, .. } = &**account;
                let cdn = format!("{api_url}/cdn/{sid}");
                let medium = named(account, &call)?;
                let location = format!("{cdn}/{}?Signature=signed", medium.cdn_name);
                Ok(redirect(&location))
            })
        })
    })
    .await
}

/// `DELETE …/Media/{sid}.json`: deletes the file.
pub(super) async fn delete(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::DELETE, uri, &headers, b"");
    serve(shared, On::MediaDeletion, call, |shared, call, _| {
        Box::pin(async move {
            shared.change(|account| {
                named(account, &call)?.is_deleted = true;
                Ok(StatusCode::NO_CONTENT.into_response())
            })
        })
    })
    .await
}

/// The file the path names.
fn named<'a>(account: &'a mut Held<'_, Account>, call: &ApiCall) -> Result<&'a mut Media, Refusal> {
    let path = call.uri.path();
    let not_found = || Refusal::NotFound(path.to_owned());
    let (_, of_message) = path.split_once("/Messages/").ok_or_else(not_found)?;
    let (message_sid, file) = of_message.split_once("/Media/").ok_or_else(not_found)?;
    let sid = file.strip_suffix(".json").unwrap_or(file);
    let medium = account.media.newest_mut(|medium| {
        medium.message_sid == message_sid && medium.sid == sid && !medium.is_deleted
    });
    medium.ok_or_else(not_found)
}

/// `GET /cdn/{account}/{name}`: a file, for whoever knows its name.
///
/// Credentials besides the link's own are refused, as Amazon's storage does.
pub(super) async fn serve_file(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::GET, uri, &headers, b"");
    let name = call.uri.path().rsplit('/').next().unwrap_or_default();
    let (file, behaviour) = shared.change(|account| {
        let is_it = |medium: &&Media| !medium.is_deleted && medium.cdn_name == name;
        let file = account.media.iter().find(is_it).cloned();
        let applies = |behaviour: &Behaviour| behaviour.on == On::MediaFile;
        let behaviour = account.behaviours.take(applies).unwrap_or_default();
        let file = match (call.username(), file) {
            (Some(_), _) => Err(StatusCode::BAD_REQUEST),
            (None, None) => Err(StatusCode::FORBIDDEN),
            (None, Some(file)) => Ok(file),
        };
        let status = file.as_ref().err().copied().unwrap_or(StatusCode::OK);
        let at = account.now();
        account.requests.push(ApiRequest {
            id: Uuid::new_v4(),
            at,
            method: call.method.to_string(),
            path: call.uri.to_string(),
            username: call.username().map(str::to_owned),
            fields: Vec::new(),
            answer: ApiAnswer::Answered { status: status.as_u16(), code: None },
        });
        (file, behaviour)
    });
    let file = match file {
        Ok(file) => file,
        Err(status) => return status.into_response(),
    };

    tokio::time::sleep(Duration::from_millis(behaviour.delay_milliseconds)).await;
    if let Some(url) = &behaviour.redirect_to {
        return redirect(url.as_str());
    }
    let headers = [(header::CONTENT_TYPE, file.content_type)];
    match behaviour.answer {
        Answer::CutOff => {
            let length = [(header::CONTENT_LENGTH, file.content.len())];
            let half = file.content.slice(..file.content.len() / 2);
            let pieces = [Ok(half), Err(io::Error::other("cut off as ordered"))];
            (headers, length, Body::from_stream(stream::iter(pieces))).into_response()
        }
        Answer::Refuse { status, .. } => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Answer::Stall => stall().await,
        Answer::HangUp => hang_up(),
        Answer::Normal
        | Answer::RateLimited
        | Answer::AcceptThenStall
        | Answer::AcceptThenHangUp
        | Answer::AcceptThenFail => (headers, file.content).into_response(),
    }
}
