//! Which [`Problem`] each error is: the one place that maps errors to HTTP.

use http::StatusCode;
use trust::signatures::{
    stripe,
    twilio::{self, form::FieldError},
};

use crate::{
    edge::{Problem, Refused},
    owner::OwnerError,
    providers::{
        stripe::{client::StripeError, event::EventError, mirror::MirrorError},
        supabase::{RpcError, auth::AuthError, storage::StorageError},
    },
    session::SessionError,
};

/// What is told of a signature that does not prove the sender.
const UNSIGNED: &str = "the request is not signed by its sender";

impl From<twilio::SignatureError> for Problem {
    fn from(error: twilio::SignatureError) -> Self {
        let refused = Refused::new(StatusCode::FORBIDDEN, error.reason(), error);
        Self::Refused(refused.telling(UNSIGNED))
    }
}

impl From<stripe::SignatureError> for Problem {
    /// Stripe takes a 400 for that.
    fn from(error: stripe::SignatureError) -> Self {
        let refused = Refused::new(StatusCode::BAD_REQUEST, error.reason(), error);
        Self::Refused(refused.telling(UNSIGNED))
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        let told = format!("the request is not valid: {error}");
        Self::Refused(Refused::new(StatusCode::BAD_REQUEST, "field", error).telling(told))
    }
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        let told = format!("the request is not valid: {error}");
        Self::Refused(Refused::new(StatusCode::BAD_REQUEST, "event", error).telling(told))
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let Some(reason) = error.reason() else { return Self::unavailable(error) };
        let status = match error {
            SessionError::Anonymous | SessionError::OtherApplication => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        let challenge = error.challenge();
        Self::Refused(Refused::new(status, reason, error).challenging(challenge))
    }
}

impl From<RpcError> for Problem {
    /// A call for an owner may find that the session has ended; else the fault is ours.
    fn from(error: RpcError) -> Self {
        match SessionError::of_call(&error) {
            Some(ended) => ended.into(),
            None => Self::unavailable(error),
        }
    }
}

impl From<OwnerError> for Problem {
    /// What a page does not say next to a field.
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Session(error) => error.into(),
            OwnerError::Fields(_) => Self::Body("some fields are not usable"),
            OwnerError::Ambiguous => Self::Body("it has to say which shop: business_id"),
            OwnerError::OtherName => Self::Body("the confirmation is not the name of the shop"),
            OwnerError::NoPlan => FieldError::Invalid("plan").into(),
            OwnerError::Unconfirmed => Self::Body("the e-mail address is not confirmed"),
            // Pages send its owner to where a shop is opened.
            OwnerError::NoShop => {
                let refused = Refused::new(StatusCode::NOT_FOUND, "unknown", error);
                Self::Refused(refused.telling("the request is not valid: there is no shop yet"))
            }
            OwnerError::NotFound => Self::Unknown("there is no such thing"),
            OwnerError::Unavailable(error) => Self::unavailable(error),
            OwnerError::Stripe(error) => error.into(),
            OwnerError::Storage(error) => error.into(),
        }
    }
}

impl From<AuthError> for Problem {
    /// Nobody can sign in for now.
    fn from(error: AuthError) -> Self {
        Self::unavailable(error)
    }
}

impl From<MirrorError> for Problem {
    fn from(error: MirrorError) -> Self {
        Self::unavailable(error)
    }
}

impl From<StripeError> for Problem {
    fn from(error: StripeError) -> Self {
        Self::unavailable(error)
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        Self::unavailable(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{Method, Request, header, request::Parts};
    use http_body_util::Empty;

    use super::*;
    use crate::{
        edge::{Answer, Flow, serve},
        session::KeysError,
    };

    /// A problem; the status, the challenge and the text it is told with.
    type Row = (fn() -> Problem, u16, Option<&'static str>, &'static str);

    struct Refusing(fn() -> Problem);

    impl Flow for Refusing {
        const METHODS: &'static [Method] = &[Method::GET];
        const MAX_BODY: usize = 0;

        async fn handle(self: Arc<Self>, _: Parts, _: Bytes) -> Result<Answer, Problem> {
            Err((self.0)())
        }
    }

    fn rpc(code: &str) -> RpcError {
        RpcError::Refused { status: StatusCode::UNAUTHORIZED, code: code.to_owned() }
    }

    #[tokio::test]
    async fn a_caller_is_told_what_it_may_know() {
        let invalid = Some(r#"Bearer error="invalid_token""#);
        let again = Some(r#"Bearer error="insufficient_user_authentication", max_age="600""#);
        let unavailable = "the service is temporarily unavailable";
        let rows: [Row; 12] = [
            (|| twilio::SignatureError::Mismatch.into(), 403, None, UNSIGNED),
            (|| stripe::SignatureError::Mismatch.into(), 400, None, UNSIGNED),
            (
                || FieldError::Missing("Body").into(),
                400,
                None,
                "the request is not valid: the field Body is missing",
            ),
            (|| SessionError::Expired.into(), 401, invalid, "the access token has expired"),
            (
                || SessionError::NotRecent.into(),
                401,
                again,
                "this needs a sign-in of the last 10 minutes",
            ),
            (
                || SessionError::OtherApplication.into(),
                403,
                None,
                "this is not open to other applications",
            ),
            (|| SessionError::Unavailable(KeysError::Unusable).into(), 503, None, unavailable),
            (|| rpc("PT401").into(), 401, invalid, "the session has ended"),
            (|| rpc("42501").into(), 503, None, unavailable),
            (
                || OwnerError::NoShop.into(),
                404,
                None,
                "the request is not valid: there is no shop yet",
            ),
            (
                || OwnerError::NotFound.into(),
                404,
                None,
                "the request is not valid: there is no such thing",
            ),
            (|| OwnerError::from(rpc("57014")).into(), 503, None, unavailable),
        ];
        for (problem, status, challenge, text) in rows {
            let request = Request::new(Empty::<Bytes>::new());
            let response = serve(Arc::new(Refusing(problem)), request, |_| {}).await;
            let given = response.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(response.status().as_u16(), status, "{text}");
            assert_eq!(given.map(|value| value.to_str().unwrap()), challenge, "{text}");
            assert_eq!(*response.body(), format!(r#"{{"error":"{text}"}}"#));
        }
    }
}
