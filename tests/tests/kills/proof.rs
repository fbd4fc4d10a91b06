//! That the ledger of message keys finds what it looks for.

use std::{collections::BTreeSet, sync::Arc};

use sysmaint_device::{Hidden, KeyLedger, Sealed, UsedTwice};
use sysmaint_protocol::{ContentId, Envelope};
use sysmaint_testkit::{Faults, Link, Participant, World, eventually};

use crate::findings::look_below;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_whose_file_was_put_back_is_caught_at_using_a_key_twice() {
    let (world, link) = (World::new(), Link::new(1, Faults::default()));
    let alice = world.participant("alice", Arc::new(link.clone())).await;
    let bob = world.participant("bob", Arc::new(link.clone())).await;
    alice.meet(&bob).await;
    let to_bob = async |count: usize| {
        eventually("it passes", async || {
            let mut all = link.attempts();
            all.retain(|sealed| sealed.to() == &bob.mailbox());
            let distinct: BTreeSet<_> = all.iter().map(Sealed::transfer_id).collect();
            (distinct.len() >= count).then_some(all)
        })
        .await
    };
    // A receipt turns the ratchet: it must not come after the file was put back.
    let receipt = async |alice: &Participant, id: ContentId| {
        eventually("a receipt", async || {
            let slot = alice.slot();
            let look = alice.store().read(move |view| view.sent().delivery(slot, id));
            look.await.unwrap()?.delivered_at?;
            (link.depth(&alice.mailbox()) == 0).then_some(())
        })
        .await;
    };
    let before = alice.say(&bob, "before").await;
    receipt(&alice, before).await;
    let (alice, backup) = alice.backup().await;
    let after = alice.say(&bob, "after").await;
    receipt(&alice, after).await;
    let honest = to_bob(2).await;
    assert_eq!(judge(&bob, &honest).await, Ok(2));
    // The same bytes again are what a retry is.
    let repeated = [honest.clone(), honest.clone()].concat();
    assert_eq!(judge(&bob, &repeated).await, Ok(2));

    let alice = alice.restore(backup).await;
    alice.say(&bob, "after all").await;
    let all = to_bob(3).await;
    assert!(matches!(judge(&bob, &all).await, Err(UsedTwice { .. })));
}

/// How many keys some envelopes to a device were sealed with.
async fn judge(recipient: &Participant, envelopes: &[Sealed]) -> Result<usize, UsedTwice> {
    let envelopes: Vec<Envelope> = envelopes.iter().map(|it| it.envelope().clone()).collect();
    let mut ledger = KeyLedger::default();
    for hidden in look_below(recipient.store(), recipient.handle().clone(), envelopes).await {
        let Hidden::Keyed(used) = hidden else { panic!("{hidden:?}") };
        ledger.note(&used)?;
    }
    Ok(ledger.len())
}
