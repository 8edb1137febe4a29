//! Pictures that come with texts, as the product fetches and deletes them.

use hyper::Method;
use serde_json::json;
use simulators::{
    Simulator,
    twilio::{
        self,
        behaviour::{Answer, Behaviour, On},
        inbound::Medium,
    },
};

use crate::support::{
    Answered, LEAD, Product, SHOP, Twilio, basic, order, request, start_with_product, try_request,
};

/// A simulator, a product that was texted a picture, and the picture's address.
async fn start_with_picture() -> (Simulator, Product, String) {
    let (simulator, product) = start_with_product().await;
    let media = vec![Medium::file("image/png", b"a picture")];
    simulator.text_with_media(LEAD, SHOP, "", media).unwrap();
    let call = product.wait_for_calls(1).await.remove(0);
    let address = call.field("MediaUrl0").unwrap();
    let sid = call.field("MessageSid").unwrap();
    let below = format!("/Messages/{sid}/Media/ME");
    assert!(address.starts_with(&Twilio::of(&simulator).url(&below)), "{address}");
    (simulator, product, address)
}

async fn with_key(method: Method, address: &str) -> Answered {
    let options = twilio::Options::default();
    let authorization = basic(&options.api_key_sid, "local-api-key-secret");
    request(method, address, &[("authorization", &authorization)], "").await
}

#[tokio::test]
async fn a_picture_is_fetched_in_two_steps_until_it_is_deleted() {
    let (_simulator, _product, address) = start_with_picture().await;
    assert_eq!(request(Method::GET, &address, &[], "").await.status, 401);

    let redirect = with_key(Method::GET, &address).await;
    assert_eq!(redirect.status, 307);
    let file = redirect.headers["location"].to_str().unwrap();
    let fetched = request(Method::GET, file, &[], "").await;
    assert_eq!((fetched.status, fetched.body.as_str()), (200, "a picture"));
    assert_eq!(fetched.headers["content-type"], "image/png");
    // The link is its own proof; the key has no business there.
    assert_eq!(with_key(Method::GET, file).await.status, 400);

    let of_other_text = address.replace("/Messages/MM", "/Messages/MM0");
    assert_eq!(with_key(Method::GET, &of_other_text).await.status, 404);
    assert_eq!(with_key(Method::DELETE, &of_other_text).await.status, 404);

    let resource = format!("{address}.json");
    assert_eq!(request(Method::DELETE, &resource, &[], "").await.status, 401);
    assert_eq!(with_key(Method::DELETE, &resource).await.status, 204);
    assert_eq!(with_key(Method::DELETE, &resource).await.status, 404);
    assert_eq!(with_key(Method::GET, &address).await.status, 404);
    assert_eq!(request(Method::GET, file, &[], "").await.status, 403);
}

#[tokio::test]
async fn each_step_fails_as_ordered() {
    let (simulator, _product, address) = start_with_picture().await;
    let once = |on, answer| Behaviour { requests: Some(1), on, answer, ..Default::default() };

    order(&simulator, once(On::Media, Answer::Refuse { status: 503, code: 20503 }));
    assert_eq!(with_key(Method::GET, &address).await.status, 503);
    let elsewhere = "https://elsewhere.example/x".parse().unwrap();
    let redirect = Behaviour { redirect_to: Some(elsewhere), ..once(On::Media, Answer::Normal) };
    order(&simulator, redirect);
    let redirected = with_key(Method::GET, &address).await;
    assert_eq!(redirected.headers["location"], "https://elsewhere.example/x");

    let redirect = with_key(Method::GET, &address).await;
    let file = redirect.headers["location"].to_str().unwrap();
    order(&simulator, once(On::MediaFile, Answer::CutOff));
    assert!(try_request(Method::GET, file, &[], "").await.is_none());
    assert_eq!(request(Method::GET, file, &[], "").await.status, 200);

    order(&simulator, once(On::MediaDeletion, Answer::AcceptThenFail));
    assert_eq!(with_key(Method::DELETE, &address).await.status, 500);
    assert_eq!(with_key(Method::DELETE, &address).await.status, 404);
}

#[tokio::test]
async fn what_no_phone_sends_is_refused() {
    let (simulator, _product) = start_with_product().await;
    let url = format!("{}control/texts", simulator.url());
    for (media, status) in [
        (json!([{ "content_type": "image/png", "content": "YQ==" }]), 201),
        (json!([{ "content_type": "image/png", "content": "not base64!" }]), 422),
        (json!([{ "content_type": "image/png" }]), 422),
        (json!([{ "content_type": "a/b", "content": "YQ==", "url": "https://x.example/" }]), 422),
        (json!(vec![json!({ "content_type": "image/png", "content": "YQ==" }); 11]), 422),
    ] {
        let text = json!({ "from": LEAD, "to": SHOP, "media": media }).to_string();
        let json = [("content-type", "application/json")];
        assert_eq!(request(Method::POST, &url, &json, &text).await.status, status, "{text}");
    }
    // Of what is refused nothing is kept.
    assert_eq!(simulator.read(|world| world.twilio.media.len()), 1);
}
