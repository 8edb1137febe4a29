//! Lists: page after page, every row once, whatever their order goes by.

use std::collections::BTreeSet;

use leadslock::owner::{conversations::Filter, shop::ProfileForm};

use super::at_a_desk;
use crate::support::{TestStack, owners::PROFILE};

/// Leads with three texts each, some of them flagged, some opted out at the same moment.
async fn fill(stack: &TestStack) {
    for n in 1..=57 {
        let phone = format!("+1514{}", 2_000_000 + n);
        let name = match n % 3 {
            0 => Some(format!("Éloïse {n}")),
            1 => Some(format!("anna {n}")),
            _ => None,
        };
        let suppression = match n % 10 {
            0 => Some("opted_out"),
            5 => Some("unreachable"),
            _ => None,
        };
        let body = |t: usize| "é".repeat(159 + t);
        let lead = stack.lead(&phone).named(name.as_deref()).flagged((n % 4 == 0).then_some("cap"));
        lead.suppressed(suppression).wrote(body(1)).got(body(2)).wrote(body(3)).add().await;
    }
}

#[test]
fn every_conversation_is_on_one_page_of_its_list() {
    at_a_desk(async |desk| {
        fill(&desk.stack).await;
        let answered = "insert into app.messages
            (business_id, lead_id, sender_phone, direction, author, body, legal_basis, status)
          select business_id, id, '+15145550100', 'outbound', 'owner', 'ok', 'response', 'sent'
          from app.leads where phone ~ '[123]$'";
        desk.stack.database.batch_execute(answered).await.unwrap();

        for (filter, want) in [
            (Filter::All, "select count(*) from app.leads"),
            (Filter::Flagged, "select count(*) from app.leads where needs_owner_since is not null"),
            (Filter::OptedOut, "select count(*) from app.suppressions"),
            (
                Filter::Unanswered,
                "select count(*) from app.conversations c join app.messages m on m.id = c.last_message_id
                 where m.author = 'lead' and c.is_unanswered",
            ),
        ] {
            let want = desk.stack.value(want).await;
            for limit in [1, 7, 50, 100, 1000] {
                let (mut seen, mut before) = (Vec::new(), None);
                loop {
                    let page = desk.console.list_conversations(&desk.owner, filter, before.as_ref(), limit);
                    let page = page.await.unwrap();
                    assert!(page.conversations.len() <= usize::from(limit.min(100)));
                    seen.extend(page.conversations.into_iter().map(|line| line.lead));
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(seen.len().to_string(), want, "{filter:?} by {limit}");
                assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
            }
        }
        let page =
            desk.console.list_conversations(&desk.owner, Filter::All, None, 100).await.unwrap();
        let last: Vec<_> =
            page.conversations.iter().filter_map(|line| line.last_text.as_ref()).collect();
        assert!(last.is_sorted_by(|a, b| a.at.at >= b.at.at));
        let cut = last.iter().find(|text| text.is_cut).unwrap();
        assert_eq!(cut.body.chars().count(), 160);
    });
}

#[test]
fn leads_are_found_by_how_name_or_number_begins() {
    at_a_desk(async |desk| {
        fill(&desk.stack).await;
        for (search, want) in [
            ("", "true"),
            ("anna", "name ilike 'anna%'"),
            ("ANNA 1", "name ilike 'anna 1%'"),
            ("élo", "name ilike 'éloïse%'"),
            ("%", "false"),
            ("_nna", "false"),
            ("514 200-00", "phone like '+151420000%'"),
            ("+1514200001", "phone like '+1514200001%'"),
            ("999", "false"),
        ] {
            let want =
                desk.stack.value(&format!("select count(*) from app.leads where {want}")).await;
            for limit in [2, 100] {
                let (mut seen, mut before) = (BTreeSet::new(), None);
                loop {
                    let page = desk.console.list_leads(&desk.owner, search, before.as_ref(), limit);
                    let page = page.await.unwrap();
                    for lead in page.leads {
                        assert!(seen.insert(lead.id), "{search}: twice");
                    }
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(seen.len().to_string(), want, "{search} by {limit}");
            }
        }
    });
}

#[test]
fn a_conversation_is_read_from_its_newest_text_on() {
    at_a_desk(async |desk| {
        for number in 1..=12 {
            desk.calls().receive(number, "help", &format!("text {number}")).await;
        }
        let lead = desk.lead().await;
        let (mut bodies, mut before) = (Vec::new(), None);
        loop {
            let page = desk
                .console
                .read_conversation(&desk.owner, lead, before.as_ref(), 5)
                .await
                .unwrap();
            bodies.extend(page.texts.into_iter().map(|text| text.body));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let want: Vec<_> = (1..=12).rev().map(|number| format!("text {number}")).collect();
        assert_eq!(bodies, want);

        for number in 1..=3 {
            let name = format!("Shop {number}");
            let form = ProfileForm { name: &name, ..PROFILE };
            desk.console.update_shop(&desk.owner, number, &form).await.unwrap();
        }
        for (limit, pages) in [(1, 3), (2, 2), (3, 1)] {
            let (mut events, mut read, mut before) = (BTreeSet::new(), 0, None);
            loop {
                let page = desk.console.list_activity(&desk.owner, before.as_ref(), limit).await;
                let page = page.unwrap();
                events.extend(page.events.into_iter().map(|event| event.id));
                read += 1;
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            assert_eq!((events.len(), read), (3, pages));
        }
    });
}
