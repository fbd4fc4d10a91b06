//! What is left after a campaign: in the files of the devices, and in the logs of what passed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt, fs,
    path::{Path, PathBuf},
};

use sysmaint_device::{Device, Hidden, KeyLedger, store::LocalStore as _};
use sysmaint_protocol::{DeviceId, Envelope, Handle};
use sysmaint_store::{Passphrase, Store, View};
use sysmaint_tests::{Passed, WireLog};

use crate::mortal::Mortal;

/// Rows of a table that holds fewer.
const ALL: usize = u32::MAX as usize;

/// Everything.
#[derive(Default)]
pub(crate) struct Findings {
    /// Messages that were said and heard.
    pub(crate) messages: usize,
    /// Messages that came after one with a higher number.
    pub(crate) overtaken: usize,
    /// Envelopes that were given to the bus, repetitions left out.
    pub(crate) envelopes: usize,
    /// Envelopes that were given to it more than once.
    repeated: usize,
    /// Deliveries of an envelope that had been delivered before.
    pub(crate) redelivered: usize,
    /// Envelopes that carry the handshake of their session.
    opening: usize,
    /// Requests to resend.
    pub(crate) requests: usize,
    /// Message keys.
    pub(crate) keys: usize,
    chains: usize,
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, overtaken, envelopes, repeated, redelivered, .. } = self;
        let Self { opening, requests, keys, chains, .. } = self;
        write!(
            formatter,
            "{messages} messages, each heard once, {overtaken} of them late; {envelopes} envelopes \
             ({opening} open a session, {requests} are requests), {repeated} of them published \
             again; {redelivered} duplicates suppressed; {keys} message keys of {chains} chains, \
             none used twice"
        )
    }
}

impl Findings {
    /// Of devices that are dead.
    pub(crate) async fn gather(devices: &[Mortal], passphrase: &str) -> Self {
        let mut findings = Self::default();
        for device in devices {
            let (own, peer) = (device.place.own, device.place.peer);
            let directory = &device.place.directory;
            let open = async |handle: &str| open(directory, handle, passphrase).await;
            let (store, sender) = (open(own).await, open(peer).await);
            let said = said(&sender, peer, own);
            findings.check_store(&store, own, peer, &said);
            drop(sender);

            let sent = read_logs(directory, peer, "sent");
            let received = read_logs(directory, own, "received");
            findings.check_wire(&sent, &received);
            findings.check_keys(&store, own, sent).await;
        }
        findings
    }

    /// Each message once, with the content id that its sender knows it by.
    fn check_store(&mut self, store: &Store, own: &str, peer: &str, said: &[(String, Vec<u8>)]) {
        let (owner, sender): (Handle, Handle) = (own.parse().unwrap(), peer.parse().unwrap());
        store
            .read_now(|view: &View<'_>| -> Result<(), sysmaint_store::SqlError> {
                assert_eq!(view.damage()?, [""; 0], "{own}: the file is damaged");
                assert_eq!(view.dead_letters().counts()?, [], "{own}");
                let slot = view.known_device(&owner)?.unwrap().slot();
                assert_eq!(view.outbox().waiting(slot)?.0, 0, "{own}: the outbox is not empty");
                assert_eq!(view.inbox().unhandled(slot, 0, ALL)?.len(), 0, "{own}: unhandled");
                let heard = view.direct_messages().after(&owner, 0, ALL)?;
                assert!(heard.iter().all(|row| row.from == sender), "{own}: a stranger");
                let heard: Vec<_> = heard
                    .into_iter()
                    .map(|row| (row.text, row.content_id.as_bytes().to_vec()))
                    .collect();
                let numbers: Vec<u64> =
                    heard.iter().map(|(text, _)| text.parse().unwrap()).collect();
                let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
                assert_eq!(distinct.len(), numbers.len(), "{own}: a message was heard twice");
                let all: BTreeSet<u64> = (1..=said.len() as u64).collect();
                let lost: Vec<_> = all.difference(&distinct).collect();
                assert!(lost.is_empty(), "{own}: lost {lost:?}");
                let (said, heard): (HashSet<_>, HashSet<_>) =
                    (said.iter().collect(), heard.iter().collect());
                assert!(said == heard, "{own}: other words than were said");
                self.messages += numbers.len();
                self.overtaken += numbers.windows(2).filter(|pair| pair[0] > pair[1]).count();
                Ok(())
            })
            .unwrap();
    }

    /// A repetition repeats bytes, and nothing comes that was not sent.
    fn check_wire(&mut self, sent: &[Passed], received: &[Passed]) {
        let mut known: HashMap<[u8; 16], &[u8]> = HashMap::new();
        let mut repeated = BTreeSet::new();
        for Passed { transfer_id, bytes } in sent {
            match known.insert(*transfer_id, bytes) {
                Some(before) => {
                    assert_eq!(before, bytes, "other bytes under one transfer id");
                    repeated.insert(*transfer_id);
                }
                None => self.envelopes += 1,
            }
        }
        self.repeated += repeated.len();
        let mut delivered: HashSet<[u8; 16]> = HashSet::new();
        for Passed { transfer_id, bytes } in received {
            assert_eq!(known.get(transfer_id).copied(), Some(bytes.as_slice()), "a stranger's");
            self.redelivered += usize::from(!delivered.insert(*transfer_id));
        }
        assert_eq!(delivered.len(), known.len(), "what was published was not delivered");
    }

    /// Looks below the outer layer of all that was ever sent to a device, with its own keys.
    async fn check_keys(&mut self, store: &Store, own: &str, sent: Vec<Passed>) {
        let all: BTreeMap<_, _> =
            sent.into_iter().map(|passed| (passed.transfer_id, passed.bytes)).collect();
        let all = all.into_values().map(|bytes| Envelope::parse(bytes).unwrap()).collect();
        let mut ledger = KeyLedger::default();
        for hidden in look_below(store, own.parse().unwrap(), all).await {
            match hidden {
                Hidden::Keyed(used) => {
                    ledger.note(&used).unwrap();
                    self.opening += usize::from(used.opens_session());
                }
                Hidden::Plain => self.requests += 1,
                Hidden::Sealed => panic!("{own}: an envelope that cannot be read"),
            }
        }
        self.keys += ledger.len();
        self.chains += ledger.chains();
    }
}

/// What the outer layers of envelopes to a device hide, by its own keys.
pub(crate) async fn look_below(
    store: &Store,
    handle: Handle,
    envelopes: Vec<Envelope>,
) -> Vec<Hidden> {
    let look = store.write(move |tx| -> Result<Vec<Hidden>, String> {
        let mut store = tx.device(&handle).map_err(|error| error.to_string())?;
        let root = store.local().unwrap().unwrap().trust_root;
        let rng = &mut rand::rng();
        let device = Device::open(&mut store, rng, &handle, DeviceId::FIRST, &root)
            .map_err(|error| error.to_string())?;
        let look = |envelope| device.look_below(&store, envelope).map_err(|it| it.to_string());
        envelopes.iter().map(look).collect()
    });
    look.await.unwrap()
}

/// What a device has said to another one: words and content ids.
fn said(store: &Store, own: &str, to: &str) -> Vec<(String, Vec<u8>)> {
    let (own, to): (Handle, Handle) = (own.parse().unwrap(), to.parse().unwrap());
    let rows = store.read_now(|view| view.direct_messages().after(&to, 0, ALL)).unwrap();
    assert!(rows.iter().all(|row| row.from == own));
    rows.into_iter().map(|row| (row.text, row.content_id.as_bytes().to_vec())).collect()
}

async fn open(directory: &Path, handle: &str, passphrase: &str) -> Store {
    let path = directory.join(format!("{handle}.db"));
    let passphrase = Passphrase::new(passphrase.to_owned().into());
    tokio::task::spawn_blocking(move || Store::open(&path, &passphrase).unwrap()).await.unwrap()
}

/// Everything that all lives of a device have logged.
fn read_logs(directory: &Path, handle: &str, what: &str) -> Vec<Passed> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == what))
        .filter(|path| {
            let name = path.file_stem().unwrap().to_string_lossy();
            name.rsplit_once('-').is_some_and(|(owner, _)| owner == handle)
        })
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| WireLog::read(path)).collect()
}
