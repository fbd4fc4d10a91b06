//! Pruning leaves a chain that can be checked, and is told from tampering.

use super::*;

/// Ten rows of which the first six are old.
async fn aged() -> Scratch {
    let scratch = Scratch::new();
    let log = scratch.open();
    log.write((1..=6).map(accepted).collect(), NOW.before(DAY * 91)).await.unwrap();
    log.write((7..=10).map(accepted).collect(), NOW).await.unwrap();
    scratch
}

#[tokio::test]
async fn a_pruned_chain_still_verifies_and_says_where_it_begins() {
    let scratch = aged().await;
    let anchors = vec![scratch.anchor_at(4), scratch.anchor_at(6), scratch.anchor_at(8)];
    let log = scratch.open();
    assert_eq!(log.prune(NOW.before(DAY * 90), 1000, NOW).await, Ok(6));
    assert_eq!((log.head().first, log.head().sequence), (7, 11));
    let outcome = scratch.verify(Some(anchors));
    assert!(outcome.is_sound(), "{outcome:?}");
    assert_eq!((outcome.first, outcome.rows), (7, 5));
    assert_eq!(outcome.pruned.unwrap().through, 6);
    assert_eq!(outcome.anchors, Some(2), "the one at the last pruned row still counts");
    assert_eq!(log.prune(NOW.before(DAY * 90), 1000, NOW).await, Ok(0));
    drop(log);
    let log = scratch.open();
    log.write(vec![accepted(12)], NOW).await.unwrap();
    assert!(scratch.verify(None).is_sound());
}

#[tokio::test]
async fn pruning_goes_piece_by_piece() {
    let scratch = aged().await;
    let log = scratch.open();
    let before = NOW.before(DAY * 90);
    let mut removed = Vec::new();
    while let Ok(number @ 1..) = log.prune(before, 4, NOW).await {
        removed.push(number);
    }
    assert_eq!(removed, [4, 2]);
    assert_eq!(scratch.verify(None).pruned.unwrap().through, 6);
    assert!(scratch.verify(None).is_sound());
}

#[tokio::test]
async fn a_chain_is_never_pruned_to_nothing() {
    let scratch = Scratch::with_rows(3).await;
    let log = scratch.open();
    assert_eq!(log.prune(NOW.after(DAY), 1000, NOW).await, Ok(3));
    assert_eq!(log.head().rows(), 1, "the row that says so");
    assert!(scratch.verify(None).is_sound());
}

#[tokio::test]
async fn rows_that_were_removed_under_the_guise_of_pruning_are_found() {
    let scratch = aged().await;
    scratch.tamper(
        "UPDATE chain SET pruned_through = 3, \
             pruned_hash = (SELECT hash FROM row WHERE sequence = 3); \
         DELETE FROM row WHERE sequence <= 3",
    );
    assert_eq!(scratch.findings(), [Finding::PruningUnproven { through: 3 }]);
}

#[tokio::test]
async fn more_than_was_pruned_cannot_be_taken_away() {
    let scratch = aged().await;
    scratch.open().prune(NOW.before(DAY * 90), 1000, NOW).await.unwrap();
    scratch.tamper(
        "UPDATE chain SET pruned_through = 8, \
             pruned_hash = (SELECT hash FROM row WHERE sequence = 8); \
         DELETE FROM row WHERE sequence <= 8",
    );
    assert_eq!(scratch.findings(), [Finding::PruningUnproven { through: 8 }]);
}

#[tokio::test]
async fn a_checkpoint_with_another_hash_is_found() {
    let scratch = aged().await;
    let anchors = vec![scratch.anchor_at(6)];
    scratch.open().prune(NOW.before(DAY * 90), 1000, NOW).await.unwrap();
    scratch.tamper("UPDATE chain SET pruned_hash = zeroblob(32)");
    let findings = scratch.verify(Some(anchors)).findings;
    for expected in [
        Finding::Beginning { sequence: 7 },
        Finding::PruningUnproven { through: 6 },
        Finding::Rewritten { sequence: 6, agreed: None, time: NOW },
    ] {
        assert!(findings.contains(&expected), "{findings:?}");
    }
}
