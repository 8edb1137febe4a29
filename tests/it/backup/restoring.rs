//! A closed account is brought back.

use std::{collections::BTreeSet, time::Duration};

use leadslock::{
    data::backup::{self},
    paths,
};
use operator::Task;
use serde_json::{Value, json};
use stack::product;
use trust::text::phone::Phone;
use uuid::Uuid;

use super::{Closed, add_other_shop, all_rows, keep_busy, phone_hmac, restoring, sha256};
use crate::{
    closure,
    support::{
        LEAD, OWNER, PATIENCE, SHOP, TestStack, calls::Calls, interceptor::Manner, on_a_stack,
    },
};

#[test]
fn a_restored_account_is_what_it_was() {
    on_a_stack(async |stack| {
        keep_busy(stack, 3000).await;
        add_other_shop(stack).await;
        let closed = Closed::of(stack).await;
        let report = closed.restore(stack).await;
        assert_eq!(report["business_id"], json!(closed.business_id));
        assert_eq!(report["rows"]["messages"], closed.sealed.receipt.counts["messages"]);
        assert_eq!(report["pictures"], 2);
        assert_eq!(report["left_out"], json!({}));
        closed.check_restored(stack).await;
        assert_eq!(
            closed.refusal(stack).await,
            "the account was not restored: the account is restored already"
        );
    });
}

/// The owner, who has no password any more, has the account again.
#[test]
fn the_owner_comes_back_without_a_password() {
    on_a_stack(async |stack| {
        keep_busy(stack, 10).await;
        let user = "select to_jsonb(u) from (
                      select id, email, phone, raw_app_meta_data, raw_user_meta_data, created_at,
                        email_confirmed_at, banned_until
                      from auth.users
                    ) u";
        let before = stack.value(user).await;
        let closed = Closed::of(stack).await;
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        closed.restore(stack).await;
        assert_eq!(stack.value(user).await, before);
        assert_eq!(stack.value("select encrypted_password from auth.users").await, "");
        assert_eq!(stack.value("select count(*) from auth.identities").await, "1");
        closed.check_restored(stack).await;
    });
}

#[test]
fn an_address_that_somebody_else_has_by_now_gives_nobody_the_account() {
    on_a_stack(async |stack| {
        keep_busy(stack, 10).await;
        let closed = Closed::of(stack).await;
        let other =
            format!("insert into auth.users (id, email) values (gen_random_uuid(), '{OWNER}')");
        stack.database.batch_execute(&other).await.unwrap();
        let refusal = closed.refusal(stack).await;
        assert!(refusal.contains("another user has the owner's e-mail address"), "{refusal}");
    });
}

/// Who opted out while the account was closed has opted out, also in the ledger; who
/// asked to be erased is not in it; a number that another shop has stays there.
#[test]
fn what_happened_meanwhile_holds() {
    on_a_stack(async |stack| {
        keep_busy(stack, 50).await;
        add_other_shop(stack).await;
        let calls = Calls(stack);
        // Three more: one who will say stop, one who will ask to be erased, one as before.
        for (number, from, hmac) in
            [(801, "+15145550131", "01"), (802, "+15145550132", "02"), (803, "+15145550133", "03")]
        {
            let hmac = if from.ends_with('2') { phone_hmac(from) } else { hmac.repeat(32) };
            let text = json!({
                "from": from, "phone_hmac": hmac, "meaning": "start", "body": "I agree, Marie",
            });
            calls.receive_with(number, text).await;
        }
        stack
            .database
            .batch_execute(
                "update app.jobs set state = 'done', finished_at = now() where state = 'open'",
            )
            .await
            .unwrap();
        let closed = Closed::of(stack).await;

        let stop = json!({
            "from": "+15145550131", "phone_hmac": "01".repeat(32), "meaning": "stop", "body": "STOP",
        });
        assert_eq!(calls.receive_with(804, stop).await["outcome"], "closed");
        let phone = Phone::parse("+15145550132").unwrap();
        let erase = Task::EraseFromBackup { closure: closed.id(), phone };
        assert_eq!(stack.operator(erase).await["outcome"], "erased");

        let report = closed.restore(stack).await;
        assert_eq!(report["opted_out_meanwhile"], 1);
        assert_eq!(report["left_out"]["leads"], 1);
        let standing = "select string_agg(l.phone || ' ' || (c.express_since is not null), ', ' order by l.phone)
                        from app.leads l
                        join app.consent_ledgers c
                          on c.business_id = l.business_id and c.phone_hmac = l.phone_hmac
                        where l.phone like '+1514555013_'";
        assert_eq!(stack.value(standing).await, "+15145550131 false, +15145550133 true");
        let gate = "select (app.gate(id, 'owner', null)).refusal from app.leads
                    where phone = '+15145550131'";
        assert_eq!(stack.value(gate).await, "opted_out");
        let chains = "select count(*) filter (
                        where app.first_break_of_consent(business_id, phone_hmac) is null
                      ) || ' of ' || count(*)
                      from app.consent_ledgers";
        assert_eq!(stack.value(chains).await, "6 of 6");
        // Of the person who was erased there is the evidence, without a word.
        let words = "select count(*) from app.consent_events
                     where phone_hmac = (select phone_hmac from app.erased_leads)
                       and wording is null";
        assert_eq!(stack.value(words).await, "1");
        let everywhere = format!("{:?}", all_rows(stack).await);
        assert!(!everywhere.contains("+15145550132"));
    });
}

#[test]
fn a_number_that_another_shop_has_stays_there() {
    on_a_stack(async |stack| {
        keep_busy(stack, 10).await;
        add_other_shop(stack).await;
        let closed = Closed::of(stack).await;
        // An opt-out of its texts holds without it.
        stack.simulator().text(LEAD, SHOP, "STOP").unwrap();
        stack.wait_for_value("select count(*) from app.suppressions", "2").await;
        let give = "update app.sender_numbers
                    set business_id = (select id from app.businesses where name = 'Other')
                    where phone = '+15145550100'";
        stack.database.batch_execute(give).await.unwrap();
        let report = closed.restore(stack).await;
        assert_eq!(report["numbers_lost"], json!([SHOP]));
        assert_eq!(report["left_out"], json!({ "sender_numbers": 1 }));
        assert_eq!(report["opted_out_meanwhile"], 1);
        let numbers = "select count(*) from app.sender_numbers n
                       join app.businesses b on b.id = n.business_id where b.name = 'Other'";
        assert_eq!(stack.value(numbers).await, "2");
    });
}

/// Verified first, then written: an object that is not what was stored writes nothing.
#[test]
fn an_object_that_was_changed_is_refused_before_a_row_is_written() {
    on_a_stack(async |stack| {
        keep_busy(stack, 2000).await;
        // What compresses less, so that it is several chunks.
        let noise = "update app.messages set body = body || repeat(gen_random_uuid()::text, 3)";
        stack.database.batch_execute(noise).await.unwrap();
        let closed = Closed::of(stack).await;
        let object = closed.sealed.object(stack).await;
        let put = async |bytes: &[u8]| {
            let bytes = bytes.to_vec().into();
            let path = &closed.sealed.place.path;
            let kind = "application/octet-stream";
            stack.storage().upload(backup::BUCKET, path, kind, bytes).await.unwrap();
        };
        // With a receipt that fits, too: then it is the seal that finds it.
        let receipt = async |bytes: &[u8]| {
            let sql = "update app.closures set byte_count = $1, sha256 = decode($2, 'hex')";
            let length = bytes.len() as i64;
            stack.database.execute(sql, &[&length, &sha256(bytes)]).await.unwrap();
        };
        let flipped = |at: usize| {
            let mut bytes = object.clone();
            bytes[at] ^= 1;
            bytes
        };
        let changed = [
            flipped(0),
            flipped(60),
            flipped(100),
            flipped(object.len() / 2),
            flipped(object.len() - 1),
            object[..object.len() - 1].to_vec(),
            object[..83 + 65_552].to_vec(),
            object[..83].to_vec(),
            [&object[..], b"x"].concat(),
        ];
        for bytes in &changed {
            put(bytes).await;
            receipt(&object).await;
            let refusal = closed.refusal(stack).await;
            assert!(refusal.contains("not the one that was stored"), "{refusal}");
            receipt(bytes).await;
            let refusal = closed.refusal(stack).await;
            assert!(refusal.contains("the backup cannot be read"), "{refusal}");
        }
        receipt(&object).await;
        stack.storage().delete(backup::BUCKET, &[&closed.sealed.place.path]).await.unwrap();
        assert!(closed.refusal(stack).await.contains("storage has no such backup"));

        // With a key that was changed, and after its time.
        put(&object).await;
        let change = "update app.closures
                      set wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)";
        stack.database.batch_execute(change).await.unwrap();
        assert!(closed.refusal(stack).await.contains("cannot be unwrapped"));
        let bytes = &closed.sealed.wrapped.bytes;
        stack.database.execute("update app.closures set wrapped_key = $1", &[bytes]).await.unwrap();
        stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        assert!(closed.refusal(stack).await.contains("past its time"));
    });
}

/// Where a restore is killed: at a call, before or after its effect.
const POINTS: [(&str, Manner); 8] = [
    ("begin_restore", Manner::HoldResponse),
    ("1", Manner::HoldRequest),
    ("restore_rows", Manner::HoldRequest),
    ("restore_rows", Manner::HoldResponse),
    // A picture, by its place in the text.
    ("0", Manner::HoldResponse),
    ("finish_restore", Manner::HoldRequest),
    ("finish_restore", Manner::HoldResponse),
    ("none", Manner::HoldRequest),
];

#[test]
fn a_restore_that_is_killed_is_done_again() {
    on_a_stack(async |stack| {
        keep_busy(stack, 3000).await;
        let closed = Closed::of(stack).await;
        for (function, manner) in POINTS {
            let before = stack.interceptor.calls(function);
            stack.interceptor.set(function, manner);
            let mut process = restoring(stack.interceptor.url(), stack, closed.id());
            if function != "none" {
                stack.interceptor.wait_for_calls(function, before + 1).await;
                process.kill().unwrap();
                process.wait().unwrap();
                stack.interceptor.clear();
                // The shop is closed until the last call.
                let open = "select count(*) from app.businesses where state = 'active'";
                let is_finished = manner == Manner::HoldResponse && function == "finish_restore";
                assert_eq!(stack.value(open).await, if is_finished { "1" } else { "0" });
            } else {
                process.wait().unwrap();
            }
        }
        closed.check_restored(stack).await;
    });
}

/// Killed after any number of calls.
#[test]
fn a_restore_that_is_killed_anywhere_is_done_again() {
    on_a_stack(async |stack| {
        keep_busy(stack, 3000).await;
        let closed = Closed::of(stack).await;
        for calls in [1, 3, 6, 9, 12, 14] {
            let before = stack.interceptor.calls("restore_rows");
            let mut process = restoring(stack.interceptor.url(), stack, closed.id());
            stack.interceptor.wait_for_calls("restore_rows", before + calls).await;
            process.kill().unwrap();
            process.wait().unwrap();
        }
        closed.restore(stack).await;
        closed.check_restored(stack).await;
    });
}

/// What a restore leaves that nobody finishes goes at the purge date, with the backup.
#[test]
fn a_restore_that_is_given_up_is_erased_at_the_purge_date() {
    on_a_stack(async |stack| {
        closure::live(stack).await;
        let asked = closure::Owner::of(stack).await.close().await;
        closure::drive(stack, "key", PATIENCE).await;
        for (function, manner) in
            [("restore_rows", Manner::HoldResponse), ("finish_restore", Manner::HoldRequest)]
        {
            stack.interceptor.set(function, manner);
            let mut process = restoring(stack.interceptor.url(), stack, id_of(&asked));
            stack.interceptor.wait_for_calls(function, 1).await;
            process.kill().unwrap();
            process.wait().unwrap();
            stack.interceptor.clear();
            assert_eq!(stack.value("select count(*) from app.businesses").await, "1");
            assert_eq!(stack.value("select count(*) from auth.users").await, "1");
        }
        assert_ne!(closure::find(stack, &closure::IDENTIFIERS).await, BTreeSet::new());
        stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        closure::drive(stack, "done", PATIENCE).await;
        assert_eq!(closure::shown(stack, &asked).await["state"], "purged");
        assert_eq!(closure::find(stack, &closure::IDENTIFIERS).await, BTreeSet::new());
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
    });
}

/// A key is taken out after all that it wrapped was wrapped by the new one.
#[test]
fn a_wrapping_key_is_rotated() {
    on_a_stack(async |stack| {
        keep_busy(stack, 10).await;
        let closed = Closed::of(stack).await;
        let new = "next:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let both = format!("{new},{}", product::BACKUP_KEYS);
        for (keys, want) in [
            (product::BACKUP_KEYS, json!({ "keys": 1, "rewrapped": 0 })),
            (&both, json!({ "keys": 1, "rewrapped": 1 })),
            (&both, json!({ "keys": 1, "rewrapped": 0 })),
            (new, json!({ "keys": 1, "rewrapped": 0 })),
        ] {
            assert_eq!(stack.operator_with(Task::Rewrap, keys).await.unwrap(), want);
        }
        let task = || Task::Restore { closure: closed.id() };
        let refused = stack.operator_with(task(), product::BACKUP_KEYS).await.unwrap_err();
        assert!(format!("{refused:#}").contains("not in BACKUP_KEYS"), "{refused:#}");
        stack.operator_with(task(), new).await.unwrap();
        closed.check_restored(stack).await;
    });
}

/// The drill: on day 60 an account that was closed works again.
#[test]
fn promise_own_delete_on_day_60_an_operator_brings_the_account_back() {
    on_a_stack(async |stack| {
        closure::subscribe(stack).await;
        closure::live(stack).await;
        let texts = stack.value("select count(*) from app.messages").await;
        let customer = stack.value("select id from app.stripe_customers").await;
        let asked = closure::Owner::of(stack).await.close().await;
        let early = stack.try_operator(Task::Restore { closure: id_of(&asked) }).await;
        let early = format!("{:#}", early.unwrap_err());
        assert!(early.contains("still being closed"), "{early}");
        closure::drive(stack, "key", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from app.messages").await, "0");

        // Meanwhile a customer texts STOP to the number that nobody has.
        stack.simulator().text(LEAD, SHOP, "STOP").unwrap();
        closure::wait_for_webhooks(stack).await;
        stack::clock::advance(&stack.database, Duration::from_secs(60 * 86_400)).await.unwrap();

        let report = stack.operator(Task::Restore { closure: id_of(&asked) }).await;
        assert_eq!(report["opted_out_meanwhile"], 1);
        assert_eq!(report["numbers_lost"], json!([]));
        assert_eq!(stack.value("select count(*) from app.messages").await, texts);
        closure::drive(stack, "done", PATIENCE).await;
        assert_eq!(closure::shown(stack, &asked).await["state"], "restored");
        let objects = "select count(*) from storage.objects where bucket_id = 'backups'";
        assert_eq!(stack.value(objects).await, "0");
        assert_eq!(
            stack.value("select count(*) from storage.objects where bucket_id = 'media'").await,
            "2"
        );

        // The owner signs in by a code, and sees the account.
        let token = sign_in_by_code(stack).await;
        let response = stack
            .client
            .get(stack.url(&format!("{}?id={}", paths::ACCOUNT_EXPORT, Uuid::nil())))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        // No such export, but an owner's session.
        assert_eq!(response.status(), 404);

        // Nothing is answered, until it is paid for anew.
        let new_lead = "+15145550141";
        let answered = async |body: &str| {
            stack.simulator().text(new_lead, SHOP, body).unwrap();
            closure::wait_for_webhooks(stack).await;
            stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;
            let texts = stack.simulator().conversation(new_lead, SHOP).texts;
            texts.iter().filter(|text| text.is_by_product()).count()
        };
        assert_eq!(answered("Are you open again?").await, 0);
        let form = [
            ("customer", &*customer),
            ("items[0][price]", "price_local_month"),
            ("trial_period_days", "14"),
            ("metadata[business_id]", closure::BUSINESS),
        ];
        closure::stripe(stack, "/v1/subscriptions", &form).await;
        let served = format!("select app.billing_allows('{}')", closure::BUSINESS);
        stack.wait_for_value(&served, "true").await;
        assert_eq!(answered("And now?").await, 1);

        // Who opted out, before or meanwhile, has opted out.
        for phone in [LEAD, closure::STOPPED] {
            let gate = format!(
                "select (app.gate(id, 'owner', null)).refusal from app.leads where phone = '{phone}'"
            );
            assert_eq!(stack.value(&gate).await, "opted_out", "{phone}");
        }
        let standing =
            "select count(*) from app.consent_ledgers c join app.leads l using (phone_hmac)
                        where l.phone in ('+15145550123', '+15145550177')
                          and num_nonnulls(express_since, inquiry_until, purchase_until) > 0";
        assert_eq!(stack.value(standing).await, "0");
    });
}

fn id_of(closure: &Value) -> Uuid {
    closure["closure_id"].as_str().unwrap().parse().unwrap()
}

/// Signs the owner in by the code that an e-mail brings.
async fn sign_in_by_code(stack: &TestStack) -> String {
    let (url, key) = stack.supabase();
    let post = async |path: &str, body: Value| {
        let request = stack.client.post(url.join(path).unwrap()).header("apikey", key);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap()
    };
    post("/auth/v1/recover", json!({ "email": OWNER })).await;
    let hash = stack.value("select recovery_token from auth.users").await;
    let session = post("/auth/v1/verify", json!({ "type": "recovery", "token_hash": hash })).await;
    session["access_token"].as_str().unwrap().to_owned()
}
