//! `POST /policy-reports`: what browsers tell of what our policies forbade.
//!
//! Anybody can send one, and what is in it may be about a person. So only how many
//! came is kept, by kind, as refusals are; the rest is dropped unread.

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};
use serde::Deserialize;

use crate::{edge::Answer, pages::Pages};

/// Where browsers send them; `headers` names it.
pub(crate) const PATH: &str = "/policy-reports";

/// A report of the Reporting API. <https://w3c.github.io/reporting/>
#[derive(Deserialize)]
struct Report {
    #[serde(rename = "type")]
    kind: String,
}

impl Pages {
    /// Counts a request of reports, however many are in it.
    pub(crate) fn report(&self, head: &Parts, body: &Bytes) -> Answer {
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Answer { response, background: self.reports.count(kind(content_type, body)) }
    }
}

/// What the first report is of: one of a few words of ours.
fn kind(content_type: &str, body: &[u8]) -> &'static str {
    match content_type.split(';').next().unwrap_or_default() {
        "application/csp-report" => "csp",
        "application/policy-reports+json" => {
            let reports: Vec<Report> = serde_json::from_slice(body).unwrap_or_default();
            match reports.first().map(|report| report.kind.as_str()) {
                Some("csp-violation") => "csp",
                Some("coep" | "coop") => "isolation",
                Some("permissions-policy-violation") => "permissions",
                Some("crash") => "crash",
                Some(_) => "other",
                None => "unreadable",
            }
        }
        _ => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_of_a_few_words() {
        let modern = "application/policy-reports+json";
        for (content_type, body, want) in [
            ("application/csp-report", r#"{"csp-report":{}}"#, "csp"),
            (modern, r#"[{"type":"csp-violation","body":{}}]"#, "csp"),
            (modern, r#"[{"type":"coep"},{"type":"crash"}]"#, "isolation"),
            (modern, r#"[{"type":"<script>"}]"#, "other"),
            (modern, "[]", "unreadable"),
            (modern, "{", "unreadable"),
            ("text/plain", "x", "unreadable"),
        ] {
            assert_eq!(kind(content_type, body.as_bytes()), want, "{content_type} {body}");
        }
    }
}
