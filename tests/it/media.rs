//! Pictures that come with texts: kept in a private bucket as they came, and
//! removed at Twilio, whatever happens on the way.

use std::{net::TcpListener, time::Duration};

use sha2::{Digest as _, Sha256};
use simulators::{
    conversation::Until,
    twilio::{
        behaviour::{Answer, Behaviour, On},
        inbound::Medium,
    },
};
use url::Url;

use crate::support::{LEAD, SHOP, TestStack, interceptor::Manner, on_a_stack, run};

const BUCKET: &str = "media";

/// Something that begins as a JPEG does, `size` bytes long and of its own.
fn picture(seed: u8, size: usize) -> Vec<u8> {
    let noise = (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed);
    let mut bytes: Vec<u8> = noise.collect();
    bytes[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
    bytes
}

fn jpeg(content: &[u8]) -> Medium {
    Medium::file("image/jpeg", content)
}

fn send(stack: &TestStack, media: Vec<Medium>) -> String {
    stack.simulator().text_with_media(LEAD, SHOP, "", media).unwrap()
}

/// Twilio answers so at `on`.
fn failing(on: On, answer: Answer) -> Behaviour {
    Behaviour { on, answer, ..Default::default() }
}

const OPEN_JOBS: &str = "select count(*) from app.jobs where kind = 'media' and state <> 'done'";
const OBJECTS: &str = "select count(*) from storage.objects where bucket_id = 'media'";

/// What became of the media of a text, in their order.
async fn states(stack: &TestStack, sid: &str) -> Vec<String> {
    let sql = "select coalesce(m.refusal, m.found_type, m.state) from app.media m
               join app.messages t on t.id = m.message_id
               where t.twilio_sid = $1 order by m.position";
    stack.rows(sql, &[&sid]).await.iter().map(|row| row.get(0)).collect()
}

/// How many media Twilio still has.
fn left_at_twilio(stack: &TestStack) -> usize {
    stack
        .simulator()
        .read(|world| world.twilio.media.iter().filter(|medium| !medium.is_deleted).count())
}

/// The methods and paths of the requests to Twilio about media, and whose they were.
fn media_requests(stack: &TestStack) -> Vec<(String, String, Option<String>)> {
    stack.simulator().read(|world| {
        let requests = world.twilio.requests.iter();
        requests
            .filter(|request| request.path.contains("/Media/") || request.path.contains("/cdn/"))
            .map(|request| (request.method.clone(), request.path.clone(), request.username.clone()))
            .collect()
    })
}

/// Checks that the medium of a text at `position` is in the bucket as it came.
async fn check_kept(stack: &TestStack, sid: &str, position: i16, content: &[u8]) {
    let sql = "select m.storage_path, m.byte_count, m.sha256,
                      t.business_id::text || '/' || t.id::text || '/' || m.position::text
               from app.media m join app.messages t on t.id = m.message_id
               where t.twilio_sid = $1 and m.position = $2";
    let row = stack.rows(sql, &[&sid, &position]).await.remove(0);
    let path: String = row.get(0);
    assert_eq!(path, row.get::<_, String>(3));
    assert_eq!(usize::try_from(row.get::<_, i32>(1)).unwrap(), content.len());
    assert_eq!(row.get::<_, Vec<u8>>(2), Sha256::digest(content).to_vec());

    let link = stack.storage().sign(BUCKET, &path, Duration::from_secs(60)).await.unwrap();
    let kept = stack.client.get(link).send().await.unwrap();
    assert_eq!(kept.status(), 200);
    assert!(kept.bytes().await.unwrap() == content, "{path} differs");
}

#[test]
fn pictures_are_kept_as_they_came_and_removed_at_twilio() {
    on_a_stack(async |stack| {
        let large = picture(1, 3_000_000);
        let contact = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Al\r\nEND:VCARD\r\n";
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;";
        // What the phone says they are is wrong in two cases.
        let sid = send(
            stack,
            vec![
                jpeg(&large),
                Medium::file("text/html", gif),
                Medium::file("text/x-vcard", contact),
            ],
        );

        // A picture alone is answered as any text.
        stack.wait(Until::Delivered).await;
        stack.wait_for_value(OPEN_JOBS, "0").await;
        assert_eq!(states(stack, &sid).await, ["image/jpeg", "image/gif", "text/vcard"]);
        let contents: [&[u8]; 3] = [&large, gif, contact];
        for (position, content) in (0_i16..).zip(contents) {
            check_kept(stack, &sid, position, content).await;
        }
        assert_eq!((left_at_twilio(stack), stack.value(OBJECTS).await), (0, "3".to_owned()));

        // Our key went to the API and not to the CDN.
        for (method, path, username) in media_requests(stack) {
            assert_eq!(username.is_some(), !path.contains("/cdn/"), "{method} {path}");
        }
        assert_eq!(media_requests(stack).len(), 9);

        let path = stack.value("select storage_path from app.media where position = 0").await;
        let (supabase, publishable_key) = stack.supabase();
        for object in ["object/media", "object/public/media", "object/authenticated/media"] {
            let url = format!("{supabase}storage/v1/{object}/{path}");
            let anonymous = stack.client.get(&url).send().await.unwrap();
            assert!(anonymous.status().is_client_error(), "{object} {}", anonymous.status());
            let page = stack.client.get(&url).header("apikey", publishable_key);
            let page = page.send().await.unwrap();
            assert!(page.status().is_client_error(), "{object} {}", page.status());
        }

        stack.storage().delete(BUCKET, &[&path, "not/there/0"]).await.unwrap();
        assert_eq!(stack.value(OBJECTS).await, "2");
    });
}

/// The function dies at each step; whoever comes next goes on from there.
#[test]
fn killed_anywhere_nothing_is_lost_and_nothing_stored_twice() {
    /// Where to be killed.
    enum At {
        /// At a call of Supabase's with this last part of its path.
        Supabase(&'static str, Manner),
        /// While Twilio keeps silent.
        Twilio(On, Answer),
    }

    run(async {
        let stack = TestStack::start().await;
        for (number, at) in (1_u8..).zip([
            At::Supabase("receive_sms", Manner::HoldResponse),
            At::Twilio(On::Media, Answer::Stall),
            At::Twilio(On::MediaFile, Answer::Stall),
            // The object's name is its position.
            At::Supabase("0", Manner::HoldRequest),
            At::Supabase("0", Manner::HoldResponse),
            At::Supabase("1", Manner::HoldResponse),
            At::Supabase("settle_media", Manner::HoldRequest),
            At::Supabase("settle_media", Manner::HoldResponse),
            At::Twilio(On::MediaDeletion, Answer::Stall),
            At::Twilio(On::MediaDeletion, Answer::AcceptThenStall),
        ]) {
            let contents = [picture(number, 2000), picture(number + 100, 3000)];
            let media = contents.iter().map(|content| jpeg(content)).collect();
            let sid = match at {
                At::Supabase(call, manner) => {
                    let before = stack.interceptor.calls(call);
                    stack.interceptor.set(call, manner);
                    let sid = send(&stack, media);
                    stack.interceptor.wait_for_calls(call, before + 1).await;
                    sid
                }
                At::Twilio(on, answer) => {
                    let before = media_requests(&stack).len();
                    stack.set_twilio([failing(on, answer)]);
                    let sid = send(&stack, media);
                    let steps = match on {
                        On::MediaFile => 2,
                        // Two were fetched in two steps each, and both are deleted at once.
                        On::MediaDeletion => 6,
                        _ => 1,
                    };
                    while media_requests(&stack).len() < before + steps {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    sid
                }
            };
            stack.kill("sms_inbound").await;
            stack.interceptor.clear();
            stack.set_twilio([]);
            for _ in 0..2 {
                stack.run_scheduler_later().await;
            }
            assert_eq!(states(&stack, &sid).await, ["image/jpeg"; 2], "number {number}");
            for (position, content) in (0_i16..).zip(&contents) {
                check_kept(&stack, &sid, position, content).await;
            }
            assert_eq!(stack.value(OPEN_JOBS).await, "0", "number {number}");
            assert_eq!(left_at_twilio(&stack), 0, "number {number}");
            assert_eq!(stack.value(OBJECTS).await, (2 * u32::from(number)).to_string());
        }
        stack.stop().await;
    });
}

#[test]
fn what_fails_at_twilio_is_tried_again() {
    on_a_stack(async |stack| {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let foreign = Url::parse(&format!("http://{}/x", elsewhere.local_addr().unwrap())).unwrap();
        let own = Url::parse(&stack.simulator().twilio_api_url()).unwrap();
        let redirect = |on, to: &Url| Behaviour {
            redirect_to: Some(to.clone()),
            ..failing(on, Answer::Normal)
        };
        let faults = [
            failing(On::Media, Answer::Refuse { status: 404, code: 20404 }),
            failing(On::Media, Answer::Refuse { status: 500, code: 20500 }),
            failing(On::Media, Answer::RateLimited),
            failing(On::Media, Answer::HangUp),
            redirect(On::Media, &foreign),
            failing(On::MediaFile, Answer::Refuse { status: 403, code: 0 }),
            failing(On::MediaFile, Answer::HangUp),
            failing(On::MediaFile, Answer::CutOff),
            // A second redirect is not followed, wherever it leads.
            redirect(On::MediaFile, &foreign),
            redirect(On::MediaFile, &own),
            failing(On::MediaDeletion, Answer::Refuse { status: 500, code: 20500 }),
            failing(On::MediaDeletion, Answer::AcceptThenFail),
        ];
        for (number, fault) in (1_u8..).zip(faults) {
            let told = format!("{fault:?}");
            // What fails at the deletion has been settled once before that.
            let ended = stack.interceptor.calls("settle_media")
                + if fault.on == On::MediaDeletion { 2 } else { 1 };
            let content = picture(number, 100_000);
            stack.set_twilio([Behaviour { requests: Some(1), ..fault }]);
            let sid = send(stack, vec![jpeg(&content)]);
            // The first try has failed once it puts the job back in line.
            stack.interceptor.wait_for_calls("settle_media", ended).await;
            stack.run_scheduler_later().await;
            assert_eq!(states(stack, &sid).await, ["image/jpeg"], "{told}");
            check_kept(stack, &sid, 0, &content).await;
            assert_eq!(
                (left_at_twilio(stack), stack.value(OPEN_JOBS).await),
                (0, "0".to_owned()),
                "{told}"
            );
        }
        assert!(elsewhere.accept().is_err(), "another host was asked for a picture");
    });
}

#[test]
fn what_is_not_kept_is_removed_at_twilio_too() {
    on_a_stack(async |stack| {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        let sid = send(
            stack,
            vec![
                Medium::file("image/svg+xml", svg),
                Medium::file("image/png", svg),
                Medium::file("image/jpeg", b"<!doctype html><script>alert(1)</script>"),
                Medium::file("image/jpeg", b""),
                jpeg(&picture(1, 5 * 1024 * 1024 + 1)),
                jpeg(&picture(1, 5 * 1024 * 1024)),
            ],
        );
        stack.wait(Until::Delivered).await;
        stack.wait_for_value(OPEN_JOBS, "0").await;
        let want = ["type", "type", "type", "type", "too_large", "image/jpeg"];
        assert_eq!(states(stack, &sid).await, want);
        assert_eq!((left_at_twilio(stack), stack.value(OBJECTS).await), (0, "1".to_owned()));

        // What cannot be fetched is given up in the end, and does not stay either.
        for (answer, tries, want) in [
            (Answer::Refuse { status: 404, code: 20404 }, 2, "gone"),
            (Answer::Refuse { status: 500, code: 20500 }, 11, "unavailable"),
        ] {
            stack.set_twilio([failing(On::Media, answer)]);
            let sid = send(stack, vec![jpeg(&picture(2, 1000))]);
            stack.wait(Until::Delivered).await;
            for _ in 0..tries {
                assert_eq!(states(stack, &sid).await, ["pending"]);
                stack.run_scheduler_later().await;
            }
            assert_eq!(states(stack, &sid).await, [want]);
            assert_eq!((left_at_twilio(stack), stack.value(OPEN_JOBS).await), (0, "0".to_owned()));
        }
        assert_eq!(stack.value(OBJECTS).await, "1");
    });
}

/// An address in a request, though signed, makes us call nobody.
#[test]
fn only_a_texts_own_media_are_fetched() {
    on_a_stack(async |stack| {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let foreign =
            Url::parse(&format!("http://{}/x.jpg", elsewhere.local_addr().unwrap())).unwrap();
        send(stack, vec![jpeg(&picture(1, 1000))]);
        stack.wait(Until::Delivered).await;
        stack.wait_for_value(OPEN_JOBS, "0").await;
        let others = stack.simulator().conversation(LEAD, SHOP).texts[0].message.media[0].clone();
        let before = media_requests(stack);

        let media = vec![
            Medium::elsewhere("image/jpeg", foreign),
            Medium::elsewhere("image/jpeg", Url::parse(&others).unwrap()),
        ];
        let sid = send(stack, media);
        stack.wait(Until::Delivered).await;
        stack.wait(Until::Settled).await;
        stack.run_scheduler_later().await;

        assert!(states(stack, &sid).await.is_empty());
        let counted = "select media_count from app.messages where twilio_sid like 'MM%' order by id desc limit 1";
        assert_eq!(stack.value(counted).await, "2");
        assert_eq!(media_requests(stack), before);
        assert!(elsewhere.accept().is_err(), "another host was asked for a picture");
    });
}
