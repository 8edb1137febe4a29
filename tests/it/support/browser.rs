//! A browser, as far as a server can tell: it keeps cookies, says where a request comes
//! from, and sends the forms it was shown.

use std::collections::BTreeMap;

use leadslock::edge::headers;
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use url::Url;

use super::TestStack;

/// A page as it came.
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
    /// What it set, as it was written.
    pub(crate) cookies: Vec<String>,
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    base: Url,
    client: Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn of(stack: &TestStack) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A connection for each request, so that none suffers from the one before.
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = client.redirect(redirect::Policy::none());
        let cookies = BTreeMap::new();
        Self { base: stack.url("/"), client: client.build().unwrap(), cookies }
    }

    /// A request with this browser's cookies, and nothing said of where it comes from.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, self.base.join(path).unwrap());
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Sends a request, keeps the cookies, and checks what every answer has.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Shown {
        let response = request.send().await.unwrap();
        check_policy("a page", &response);
        let header = |name| {
            let values = response.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (cookies, location) = (header("set-cookie"), header("location").pop());
        for cookie in &cookies {
            // A browser refuses what has the prefix and not the rest.
            assert!(cookie.starts_with("__Host-"), "{cookie}");
            for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = response.status().as_u16();
        Shown { status, location, body: response.text().await.unwrap(), cookies }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Shown {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form as our own page would.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let origin = self.base.origin().ascii_serialization();
        let request = self
            .request(Method::POST, path)
            .header("origin", origin)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(fields));
        self.send(request).await
    }

    /// Opens the page at `path`, and sends its form with `fields` to `action`.
    pub(crate) async fn fill(
        &mut self,
        path: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Shown {
        let token = self.token(path).await;
        self.post(action, &[&[("form", token.as_str())], fields].concat()).await
    }

    /// What proves the forms of the page at `path`.
    pub(crate) async fn token(&mut self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let (_, rest) = page.body.split_once(r#"name="form" value=""#).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Signs in, and says where that leads.
    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Shown {
        self.fill("/sign-in", "/sign-in", &[("email", email), ("password", password)]).await
    }
}

/// A form as browsers send it.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Every header of the policy is there once, with the value for what this is.
#[track_caller]
pub(crate) fn check_policy(told: &str, response: &Response) {
    let content_type = response.headers().get("content-type");
    let is_page = content_type
        .is_some_and(|value| value.to_str().is_ok_and(|value| value.starts_with("text/html")));
    let policy = if is_page { headers::PAGE_POLICY } else { headers::POLICY };
    for (name, value) in policy {
        let values: Vec<_> = response.headers().get_all(&name).iter().collect();
        assert_eq!(values, [value], "{told} ({}): {name}", response.status());
    }
}
