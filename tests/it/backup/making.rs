//! A backup is made: all of an account, and nothing of another.

use leadslock::data::{
    backup::{self, BackupError},
    seal::Place,
};
use uuid::Uuid;

use super::{
    Sealed, add_other_shop, demo_shop, keep_busy, keyring, one_picture, open, rows_of, sha256,
    tables,
};
use crate::support::{LEAD, on_a_stack};

#[test]
fn a_backup_is_all_of_an_account_and_nothing_of_another() {
    on_a_stack(async |stack| {
        keep_busy(stack, 3000).await;
        add_other_shop(stack).await;
        let shop = demo_shop(stack).await;
        let sealed = Sealed::of(stack, shop).await;

        let object = sealed.object(stack).await;
        assert_eq!(object.len() as u64, sealed.receipt.byte_count);
        assert_eq!(sha256(&object), sealed.receipt.sha256);
        let key = keyring().unwrap(&sealed.wrapped, &sealed.place).unwrap();
        let (rows, pictures) = open(&object, &key, &sealed.place);

        stack.database.batch_execute("set timezone = 'UTC'").await.unwrap();
        for (table, source) in tables(stack).await {
            let want = rows_of(stack, &source, shop).await;
            assert_eq!(rows.get(&table).cloned().unwrap_or_default(), want, "{table}");
            assert_eq!(sealed.receipt.counts[&table], want.len() as u64, "{table}");
            assert!(!want.is_empty(), "the test has no row of {table}");
        }
        assert_eq!((sealed.receipt.pictures, sealed.receipt.pictures_missing), (2, 0));
        for (path, content) in &pictures {
            let stored = stack.storage().download("media", path, usize::MAX).await.unwrap();
            assert_eq!(stored.unwrap(), content);
        }
        let all = format!("{rows:?}");
        assert!(!all.contains("of somebody else") && !all.contains("encrypted_password"));
        let hash = stack.value("select encrypted_password from auth.users limit 1").await;
        assert!(!all.contains(&hash));
        // Nothing readable, and no copy left.
        assert!(!object.windows(LEAD.len()).any(|window| window == LEAD.as_bytes()));
        assert_eq!(stack.value("select count(*) from app.backup_chunks").await, "0");
    });
}

#[test]
fn a_backup_made_again_replaces_the_one_before() {
    on_a_stack(async |stack| {
        keep_busy(stack, 10).await;
        let shop = demo_shop(stack).await;
        let first = Sealed::of(stack, shop).await;
        let before = first.object(stack).await;
        stack.storage().delete("media", &[&one_picture(stack).await]).await.unwrap();
        let made =
            backup::make(&stack.api(), &stack.storage(), shop, &first.place, &first.key).await;
        let receipt = made.unwrap();
        let after = first.object(stack).await;
        assert_ne!(before, after);
        assert_eq!(sha256(&after), receipt.sha256);
        assert_eq!(receipt.counts, first.receipt.counts);
        assert_eq!((receipt.pictures, receipt.pictures_missing), (1, 1));
        assert_eq!(open(&after, &first.key, &first.place).1.len(), 1);
        let objects = "select count(*) from storage.objects where bucket_id = 'backups'";
        assert_eq!(stack.value(objects).await, "1");
    });
}

/// What fails on the way leaves no object, and no copy of a row.
#[test]
fn a_backup_that_is_cut_off_is_no_object() {
    on_a_stack(async |stack| {
        keep_busy(stack, 3000).await;
        let shop = demo_shop(stack).await;
        // One of the chunks of texts is lost.
        let lose = "create function local.lose() returns trigger language plpgsql as $$
                    begin delete from app.backup_chunks where number = 9; return null; end $$;
                    create trigger lose after insert on app.backup_chunks
                    for each statement execute function local.lose()";
        stack.database.batch_execute(lose).await.unwrap();
        let place = Place { closure_id: Uuid::nil(), path: "cut/off".to_owned() };
        let (key, _) = keyring().new_data_key(&place).unwrap();
        let made = backup::make(&stack.api(), &stack.storage(), shop, &place, &key).await;
        assert!(matches!(made, Err(BackupError::Lost)), "{made:?}");
        let object = stack.storage().download(backup::BUCKET, &place.path, usize::MAX).await;
        assert!(object.unwrap().is_none());
        assert_eq!(stack.value("select count(*) from app.backup_chunks").await, "0");
    });
}
