//! TwiML: the answer to a webhook, read as strictly as Twilio may read it.

use roxmltree::{Document, Node};
use url::Url;

use super::webhook::Trouble;

/// A `<Message>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// `to`, when it is not whoever texted.
    pub(super) to: Option<String>,
    /// `from`, when it is not the number that was texted.
    pub(super) from: Option<String>,
    /// The text.
    pub(super) body: String,
    /// The addresses in `<Media>`.
    pub(super) media: Vec<String>,
    /// `statusCallback`, or else `action`.
    pub(super) status_callback: Option<Url>,
}

/// Reads a successful response: the texts it asks for, and all that is wrong
/// with it. A document that cannot be read asks for nothing.
pub(super) fn read(
    status: u16,
    content_type: Option<&str>,
    body: &str,
) -> (Vec<Reply>, Vec<Trouble>) {
    if status == 204 {
        return (Vec::new(), Vec::new());
    }
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    if !matches!(media_type.trim().to_ascii_lowercase().as_str(), "text/xml" | "application/xml") {
        let message = format!("Invalid Content-Type: {:?}.", content_type.unwrap_or_default());
        return (Vec::new(), vec![Trouble::new(12300, message)]);
    }
    let document = match Document::parse(body) {
        Ok(document) => document,
        Err(error) => return (Vec::new(), vec![unreadable(&error.to_string())]),
    };
    let root = document.root_element();
    if !is(root, "Response") {
        return (Vec::new(), vec![unreadable("the root element is not Response")]);
    }

    let mut replies = Vec::new();
    let mut troubles = Vec::new();
    if has_text(root) {
        troubles.push(unexpected("text", root));
    }
    for verb in root.children().filter(Node::is_element) {
        if is(verb, "Message") {
            match message(verb, &mut troubles) {
                Some(reply) => replies.push(reply),
                None => troubles.push(Trouble::new(14103, "Invalid Body: <Message> is empty.")),
            }
        } else if is(verb, "Redirect") {
            let message = "This simulator does not follow <Redirect>.".to_owned();
            troubles.push(Trouble { code: None, message });
        } else {
            let name = verb.tag_name().name();
            troubles.push(Trouble::new(14110, format!("Invalid verb in a reply: <{name}>.")));
        }
    }
    (replies, troubles)
}

/// Reads a `<Message>`; nothing comes back if it has neither text nor media.
fn message(node: Node<'_, '_>, troubles: &mut Vec<Trouble>) -> Option<Reply> {
    for attribute in node.attributes() {
        if !matches!(attribute.name(), "to" | "from" | "action" | "method" | "statusCallback") {
            troubles.push(unexpected(&format!("attribute {}", attribute.name()), node));
        }
    }
    let mut body = String::new();
    let mut media = Vec::new();
    for child in node.children() {
        if child.is_text() || is(child, "Body") {
            body.push_str(child.text().unwrap_or_default());
        } else if is(child, "Media") {
            media.push(child.text().unwrap_or_default().trim().to_owned());
        } else if child.is_element() {
            troubles.push(unexpected(&format!("<{}>", child.tag_name().name()), node));
        }
    }
    let body = body.trim().to_owned();
    if body.is_empty() && media.is_empty() {
        return None;
    }
    let attribute = |name| node.attribute(name).map(str::to_owned);
    let callback = attribute("statusCallback").or_else(|| attribute("action"));
    let status_callback = callback.and_then(|url| match Url::parse(&url) {
        Ok(url) => Some(url),
        Err(_) => {
            troubles.push(Trouble::new(14105, format!("Invalid statusCallback {url:?}.")));
            None
        }
    });
    Some(Reply { to: attribute("to"), from: attribute("from"), body, media, status_callback })
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().namespace().is_none() && node.tag_name().name() == name
}

/// Whether an element has text of its own, other than space.
fn has_text(node: Node<'_, '_>) -> bool {
    let is_blank = |text: &str| text.chars().all(char::is_whitespace);
    node.children().any(|child| child.is_text() && !child.text().is_none_or(is_blank))
}

fn unreadable(reason: &str) -> Trouble {
    Trouble::new(12100, format!("Document parse failure: {reason}."))
}

fn unexpected(what: &str, parent: Node<'_, '_>) -> Trouble {
    let parent = parent.tag_name().name();
    Trouble::new(12200, format!("Schema validation warning: {what} in <{parent}>."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&str>, body: &str, texts: &[&str], codes: &[Option<u32>]) {
        let (replies, troubles) = read(200, content_type, body);
        let read: Vec<_> = replies.iter().map(|reply| reply.body.as_str()).collect();
        let found: Vec<_> = troubles.iter().map(|trouble| trouble.code).collect();
        assert_eq!((read.as_slice(), found.as_slice()), (texts, codes), "{body:?}");
    }

    #[test]
    fn a_response_asks_for_its_messages() {
        let xml = Some("text/xml");
        check(xml, "<Response/>", &[], &[]);
        check(Some("application/xml"), "<Response></Response>", &[], &[]);
        check(Some("Text/XML; charset=utf-8"), "<?xml version=\"1.0\"?>\n<Response />", &[], &[]);
        check(
            xml,
            "<Response><Message>Salut &amp; merci 🍞</Message></Response>",
            &["Salut & merci 🍞"],
            &[],
        );
        check(
            xml,
            "<Response>\n  <Message>\n    <Body>one</Body>\n  </Message>\n  <Message>two</Message>\n</Response>",
            &["one", "two"],
            &[],
        );
    }

    #[test]
    fn attributes_and_media_are_read() {
        let body = "<Response><Message to='+15550001' from='+15550002' action='http://a.test/old' \
                    statusCallback='http://a.test/new'><Body>hi</Body>\
                    <Media>http://a.test/b.png</Media></Message></Response>";
        let want = Reply {
            to: Some("+15550001".to_owned()),
            from: Some("+15550002".to_owned()),
            body: "hi".to_owned(),
            media: vec!["http://a.test/b.png".to_owned()],
            status_callback: Some(Url::parse("http://a.test/new").unwrap()),
        };
        assert_eq!(read(200, Some("text/xml"), body), (vec![want], vec![]));
    }

    #[test]
    fn no_content_needs_no_document() {
        assert_eq!(read(204, None, ""), (vec![], vec![]));
    }

    #[test]
    fn another_content_type_is_refused() {
        for content_type in [None, Some(""), Some("text/plain"), Some("application/json")] {
            check(content_type, "<Response/>", &[], &[Some(12300)]);
        }
    }

    #[test]
    fn a_document_that_is_not_xml_is_refused_whole() {
        for body in [
            "",
            "OK",
            " <?xml version=\"1.0\"?><Response/>",
            "<Response>",
            "<Response><Message>a</Response></Message>",
            "<Response><Message>a & b</Message></Response>",
            "<response/>",
            "<Response xmlns='http://x.test'/>",
            "<!DOCTYPE a [<!ENTITY e 'x'>]><Response><Message>&e;</Message></Response>",
        ] {
            check(Some("text/xml"), body, &[], &[Some(12100)]);
        }
    }

    #[test]
    fn what_does_not_belong_is_reported_and_the_rest_is_done() {
        let xml = Some("text/xml");
        check(
            xml,
            "<Response><Say>hi</Say><Message>a</Message></Response>",
            &["a"],
            &[Some(14110)],
        );
        check(xml, "<Response>hi</Response>", &[], &[Some(12200)]);
        check(xml, "<Response><Message> </Message></Response>", &[], &[Some(14103)]);
        check(
            xml,
            "<Response><Message colour='b'>a<b/></Message></Response>",
            &["a"],
            &[Some(12200); 2],
        );
        check(xml, "<Response><Redirect>/x</Redirect></Response>", &[], &[None]);
    }
}
