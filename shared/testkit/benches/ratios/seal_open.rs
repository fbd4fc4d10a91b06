//! Sealing and opening in memory: what our checks and headers add to libsignal.

use criterion::Criterion;
use sysmaint_device::{Device, Sealed, store::Memory};
use sysmaint_protocol::Handle;

use crate::{
    contest::{Contest, Ratio},
    devices::{self, Relay},
    exchange::{Exchange, one_way, opening, ping_pong, sealing},
    libsignal::{Plain, SealedSender},
};

/// Two devices over the reference store. A sample starts from a copy, since that store is made to
/// be simple and not to grow.
#[derive(Clone)]
pub(crate) struct InMemory<'a> {
    devices: &'a [Device; 2],
    stores: [Memory; 2],
}

pub(crate) fn run(criterion: &mut Criterion) -> Vec<Ratio> {
    let (devices, stores) = acquainted();
    let ours = InMemory { devices: &devices, stores };
    let (mut plain, mut sealed) = (Plain::new(), SealedSender::new());
    let mut ratios = Contest::new("seal", |count| sealing(&mut ours.clone(), count))
        .against("libsignal", |count| sealing(&mut plain, count))
        .against("libsignal with sealed sender", |count| sealing(&mut sealed, count))
        .hold(criterion);
    let one = Contest::new("seal and open, one way", |count| one_way(&mut ours.clone(), count))
        .against("libsignal", |count| one_way(&mut plain, count))
        .against("libsignal with sealed sender", |count| one_way(&mut sealed, count));
    ratios.extend(one.hold(criterion));
    let both =
        Contest::new("seal and open, ping-pong", |count| ping_pong(&mut ours.clone(), count))
            .against("libsignal", |count| ping_pong(&mut plain, count))
            .against("libsignal with sealed sender", |count| ping_pong(&mut sealed, count));
    ratios.extend(both.hold(criterion));
    // The difference is what guard and checks cost, and storing in memory.
    let guarded =
        Contest::new("guard and checks per message", |count| opening(&mut ours.clone(), count))
            .against("libsignal", |count| opening(&mut plain, count))
            .against("libsignal with sealed sender", |count| opening(&mut sealed, count));
    ratios.extend(guarded.hold(criterion));
    ratios
}

fn acquainted() -> ([Device; 2], [Memory; 2]) {
    let relay = Relay::new();
    let mut stores = [Memory::default(), Memory::default()];
    let names = ["alice", "bob"].map(|name| name.parse::<Handle>().unwrap());
    let devices = [0, 1].map(|number| relay.enrol(&mut stores[number], &names[number]));
    relay.meet(&devices[0], &mut stores[0], &names[1]);
    let mut pair = InMemory { devices: &devices, stores };
    let first = pair.seal(0);
    pair.open(1, first);
    relay.meet(&devices[1], &mut pair.stores[1], &names[0]);
    let answer = pair.seal(1);
    pair.open(0, answer);
    let stores = pair.stores;
    (devices, stores)
}

impl Exchange for InMemory<'_> {
    type Sealed = Sealed;

    fn seal(&mut self, from: usize) -> Sealed {
        let peer = &self.devices[1 - from];
        let store = &mut self.stores[from];
        let sealed = devices::seal(&self.devices[from], store, peer.handle(), peer.address());
        store.take_outbox();
        sealed
    }

    fn open(&mut self, to: usize, sealed: Sealed) {
        devices::open(&self.devices[to], &mut self.stores[to], &sealed);
    }
}
