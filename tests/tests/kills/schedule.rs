//! Which deaths a device dies, drawn from the campaign's seed.

use rand::{
    Rng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use sysmaint_tests::{
    KillPlan,
    KillPoint::{self, *},
};

/// Points of a first start, and of prekeys that have run out.
const ENROLLING: [KillPoint; 4] = [Registering, Registered, PrekeysMade, PrekeysUploaded];
const SENDING: [KillPoint; 4] = [Sealed, Committed, Publishing, Published];
/// Each of these waits until the mailbox takes the next life for its reader: seconds.
const RECEIVING: [KillPoint; 8] =
    [Received, Opened, Stored, Acknowledging, Acknowledged, Effect, Settled, Receipts];

/// Few deaths, in which every point comes up, for each of so many devices.
pub(crate) fn short(random: &mut StdRng, devices: usize) -> Vec<Vec<KillPlan>> {
    let (mut first, mut receiving) = (ENROLLING.to_vec(), RECEIVING.to_vec());
    let mut sending = SENDING.repeat(3);
    for points in [&mut first, &mut receiving, &mut sending] {
        points.shuffle(random);
    }
    let deal = |points: &mut Vec<KillPoint>, share: usize| -> Vec<KillPoint> {
        points.split_off(points.len() - share)
    };
    let mut all = Vec::new();
    for _ in 0..devices {
        let mut later = deal(&mut receiving, RECEIVING.len() / devices);
        later.extend(deal(&mut sending, SENDING.len() * 3 / devices));
        later.push(Anywhere);
        later.shuffle(random);
        let points = deal(&mut first, 1).into_iter().chain(later);
        all.push(points.map(|point| plan(random, point)).collect());
    }
    all
}

/// So many deaths of one device, whatever comes up.
pub(crate) fn long(random: &mut StdRng, deaths: usize) -> Vec<KillPlan> {
    let first = *ENROLLING.choose(random).unwrap();
    let mut points = vec![first];
    let pool: Vec<KillPoint> = [&SENDING[..], &RECEIVING, &[Anywhere, Anywhere, PrekeysMade]]
        .concat()
        .into_iter()
        .collect();
    while points.len() < deaths {
        match *pool.choose(random).unwrap() {
            // The next life makes other ones, and dies when the directory has them.
            PrekeysMade => points.extend([PrekeysMade, PrekeysUploaded]),
            other => points.push(other),
        }
    }
    points.into_iter().map(|point| plan(random, point)).collect()
}

/// So many deaths of one device in the middle of repair, among others.
pub(crate) fn repairs(random: &mut StdRng, deaths: usize) -> Vec<KillPlan> {
    let others = [Committed, Published, Stored, Acknowledging, Effect];
    let mut points = Vec::new();
    for _ in 0..deaths {
        points.push(Repair);
        if random.random_bool(0.3) {
            points.push(*others.choose(random).unwrap());
        }
    }
    points.into_iter().map(|point| plan(random, point)).collect()
}

fn plan(random: &mut StdRng, point: KillPoint) -> KillPlan {
    let passage = match point {
        Registering | Registered | PrekeysMade | PrekeysUploaded => 1,
        // Found by looking, so a few of them are seen.
        Opened | Receipts | Repair => random.random_range(1..=2),
        Anywhere => random.random_range(200..=7000),
        _ => random.random_range(1..=30),
    };
    KillPlan { point, passage }
}
