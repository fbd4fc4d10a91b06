//! Everything that can be done to a chain is found and named.

use super::*;

#[tokio::test]
async fn a_changed_field_is_found_at_its_row() {
    for change in ["time = time + 1", "kind = 17", "fields = zeroblob(32)", "hash = zeroblob(32)"] {
        let scratch = Scratch::with_rows(6).await;
        scratch.tamper(&format!("UPDATE row SET {change} WHERE sequence = 4"));
        let findings = scratch.findings();
        assert_eq!(findings[0], Finding::Changed { sequence: 4 }, "{change}: {findings:?}");
        assert!(findings[0].to_string().contains("row 4"), "{}", findings[0]);
    }
}

#[tokio::test]
async fn columns_that_make_no_sense_are_found_too() {
    for change in ["time = -1", "kind = 300", "hash = x'00'"] {
        let scratch = Scratch::with_rows(6).await;
        scratch.tamper(&format!("UPDATE row SET {change} WHERE sequence = 4"));
        assert_eq!(scratch.findings(), [Finding::Changed { sequence: 4 }], "{change}");
    }
}

#[tokio::test]
async fn a_removed_row_is_found_as_a_gap() {
    let scratch = Scratch::with_rows(6).await;
    scratch.tamper("DELETE FROM row WHERE sequence IN (3, 4)");
    assert_eq!(scratch.findings(), [Finding::Removed { from: 3, through: 4 }]);
}

#[tokio::test]
async fn a_removed_first_row_is_found() {
    let scratch = Scratch::with_rows(6).await;
    scratch.tamper("DELETE FROM row WHERE sequence = 1");
    assert_eq!(scratch.findings(), [Finding::Removed { from: 1, through: 1 }]);
}

#[tokio::test]
async fn a_gap_that_was_closed_by_new_numbers_is_found() {
    let scratch = Scratch::with_rows(8).await;
    scratch.tamper("DELETE FROM row WHERE sequence = 3; UPDATE row SET sequence = -sequence");
    scratch.tamper("UPDATE row SET sequence = -sequence - (sequence < -3)");
    assert_eq!(
        scratch.findings(),
        [Finding::RemovedAndRenumbered { before: 3, number: 1 }],
        "rows 4 to 8 are now 3 to 7"
    );
}

#[tokio::test]
async fn swapped_rows_are_found_by_their_names() {
    let scratch = Scratch::with_rows(6).await;
    scratch.tamper(
        "UPDATE row SET sequence = 99 WHERE sequence = 3; \
         UPDATE row SET sequence = 3 WHERE sequence = 4; \
         UPDATE row SET sequence = 4 WHERE sequence = 99",
    );
    assert_eq!(scratch.findings(), [Finding::Exchanged { first: 3, second: 4 }]);
}

#[tokio::test]
async fn an_inserted_row_is_found_though_the_others_were_renumbered() {
    let scratch = Scratch::with_rows(6).await;
    scratch.tamper(
        "UPDATE row SET sequence = -sequence WHERE sequence >= 4; \
         UPDATE row SET sequence = 1 - sequence WHERE sequence < 0; \
         INSERT INTO row SELECT 4, time, kind, fields, hash FROM row WHERE sequence = 2",
    );
    assert_eq!(scratch.findings(), [Finding::Inserted { from: 4, through: 4 }]);
}

#[tokio::test]
async fn an_inserted_row_with_a_hash_that_fits_is_found() {
    let scratch = Scratch::with_rows(6).await;
    let previous = scratch.rows()[2].hash;
    scratch.tamper(
        "UPDATE row SET sequence = -sequence WHERE sequence >= 4; \
         UPDATE row SET sequence = 1 - sequence WHERE sequence < 0",
    );
    let forged = AuditRow::following(&previous, 4, NOW, &accepted(99));
    let insert = "INSERT INTO row VALUES (4, ?1, ?2, ?3, ?4)";
    let columns = (NOW.as_millis(), forged.kind, forged.fields, forged.hash.as_bytes());
    scratch.connection().execute(insert, columns).unwrap();
    assert_eq!(scratch.findings(), [Finding::Inserted { from: 4, through: 4 }]);
}

#[tokio::test]
async fn a_chain_that_was_computed_anew_is_found_by_its_anchor() {
    let scratch = Scratch::with_rows(9).await;
    let anchors = vec![scratch.anchor_at(3), scratch.anchor_at(8)];
    scratch.tamper("UPDATE row SET fields = zeroblob(32) WHERE sequence = 5");
    scratch.forge_hashes_from(5);
    assert!(scratch.findings().is_empty(), "nothing in the file itself tells");
    let outcome = scratch.verify(Some(anchors));
    let rewritten = Finding::Rewritten { sequence: 8, agreed: Some(3), time: NOW };
    assert_eq!(outcome.findings, [rewritten]);
    assert_eq!(outcome.confirmed_through, Some(3));
}

#[tokio::test]
async fn a_tail_that_was_cut_is_found_by_its_anchor() {
    let scratch = Scratch::with_rows(9).await;
    let anchors = vec![scratch.anchor_at(3), scratch.anchor_at(8)];
    scratch.tamper("DELETE FROM row WHERE sequence > 6");
    assert!(scratch.findings().is_empty(), "nothing in the file itself tells");
    let findings = scratch.verify(Some(anchors)).findings;
    assert_eq!(findings, [Finding::TailCut { last: 6, anchored: 8, time: NOW }]);
    assert!(findings[0].to_string().contains("rows 7 to 8"), "{}", findings[0]);
}

#[tokio::test]
async fn a_replaced_beginning_is_found() {
    let scratch = Scratch::with_rows(4).await;
    scratch.tamper("UPDATE chain SET bridge = zeroblob(16)");
    assert_eq!(scratch.findings(), [Finding::Beginning { sequence: 1 }]);
}

#[tokio::test]
async fn another_bridges_file_in_its_place_has_no_anchors() {
    let scratch = Scratch::with_rows(4).await;
    assert_eq!(scratch.verify(Some(Vec::new())).findings, [Finding::NoAnchors]);
}

#[tokio::test]
async fn anchors_that_the_broker_lost_are_found() {
    let scratch = Scratch::with_rows(4).await;
    let log = scratch.open();
    let hash = log.head().hash;
    log.write(vec![AuditEvent::Anchored { sequence: 4, hash }, accepted(6)], NOW).await.unwrap();
    let kept = vec![scratch.anchor_at(6)];
    let lost = Finding::AnchorsLost { from: 4, through: 4, number: 1 };
    assert_eq!(scratch.verify(Some(kept)).findings, [lost]);
    let both = vec![scratch.anchor_at(4), scratch.anchor_at(6)];
    let outcome = scratch.verify(Some(both));
    assert!(outcome.is_sound(), "{outcome:?}");
    assert_eq!((outcome.anchors, outcome.confirmed_through), (Some(2), Some(6)));
}

#[tokio::test]
async fn bytes_that_were_changed_without_the_passphrase_are_found() {
    let scratch = Scratch::with_rows(20_000).await;
    drop(scratch.open());
    drop(scratch.open());
    let mut bytes = std::fs::read(scratch.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(scratch.path(), bytes).unwrap();
    let findings = scratch.findings();
    assert!(matches!(findings[..], [Finding::Unreadable { .. }]), "{findings:?}");
}

#[tokio::test]
async fn of_very_many_findings_a_hundred_are_kept() {
    let scratch = Scratch::with_rows(300).await;
    scratch.tamper("UPDATE row SET fields = zeroblob(31)");
    let outcome = scratch.verify(None);
    assert_eq!((outcome.findings.len(), outcome.more_findings), (100, 200));
}
