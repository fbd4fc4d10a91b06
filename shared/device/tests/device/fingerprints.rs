//! Two people compare what their devices show.

use sysmaint_device::SafetyNumber;

use crate::participant::{Participant, acquainted};

fn number(of: &Participant, with: &Participant) -> SafetyNumber {
    let standing = of.device.standing(&of.store, &with.handle()).unwrap();
    standing[0].safety_number.clone()
}

#[test]
fn each_side_recognises_the_code_that_the_other_one_shows() {
    let (world, alice, bob) = acquainted();
    let (hers, his) = (number(&alice, &bob), number(&bob, &alice));
    let code = his.scannable();
    assert!(hers.is_shown_as(code) && his.is_shown_as(hers.scannable()));
    for wrong in [hers.scannable(), &code[1..], b"", b"https://example.org"] {
        assert!(!hers.is_shown_as(wrong));
    }

    // Somebody else in bob's place shows another code.
    let mut mallory = world.participant("mallory");
    let (alices, mut alice) = (alice.handle(), alice);
    mallory.device.accept_contact(&mut mallory.store, alice.now, &alices, &alice.bundle()).unwrap();
    assert!(!hers.is_shown_as(number(&mallory, &alice).scannable()));
}
