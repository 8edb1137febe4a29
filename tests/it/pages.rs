//! The pages, as browsers meet them: the policy on everything, sessions, forms, and
//! what others try.

mod console;
mod public;
mod sessions;

use leadslock::pages::table::{Audience, PAGES};
use reqwest::Method;

/// The paths, with their queries, of pages that are read and for whom `is_for` says; those of
/// one of many only with its id.
fn paths_of(is_for: impl Fn(Audience) -> bool) -> Vec<String> {
    PAGES
        .iter()
        .filter(|page| is_for(page.audience) && page.methods.contains(&Method::GET))
        .filter(|page| page.is_html && !page.path.contains('{'))
        .flat_map(|page| page.queries.iter().map(move |query| format!("{}{query}", page.path)))
        .collect()
}

/// Pages for everybody and for who signs in.
fn public() -> Vec<String> {
    paths_of(|audience| matches!(audience, Audience::Everybody | Audience::Visitor))
}

/// Pages for an owner who has a shop.
fn owners() -> Vec<String> {
    paths_of(|audience| audience == Audience::Owner)
        .into_iter()
        .filter(|path| path != "/welcome")
        .collect()
}

/// What breaks out of text, attributes, addresses and headers where it can.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\r\nX-Bad: 1";

/// Every place a page names, and every attribute that could run something.
fn places(page: &str) -> Vec<&str> {
    assert!(!page.contains("<script"), "{page}");
    let mut found = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        for (at, part) in tag.split('"').enumerate() {
            // What stands before a quotation mark ends in the attribute's name.
            let attribute = part.trim_end_matches('=').rsplit(' ').next().unwrap();
            if at % 2 == 0 {
                assert!(!attribute.starts_with("on") && attribute != "style", "{tag}");
                if ["src", "href", "action", "srcset", "content"].contains(&attribute) {
                    found.push(tag.split('"').nth(at + 1).unwrap());
                }
            }
        }
    }
    found
}
