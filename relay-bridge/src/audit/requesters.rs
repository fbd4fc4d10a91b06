//! Who fetched a bundle, as a hash: the same for one requester within a day, and of no use after.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use sysmaint_protocol::{Handle, Timestamp, audit::Digest};
use zeroize::Zeroizing;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The key of the day. It is in memory alone, so that not even the file and its passphrase tell
/// who a hash stands for, and overwritten when the day is over.
#[derive(Default)]
pub(super) struct Requesters(Option<Today>);

struct Today {
    day: u64,
    key: Zeroizing<[u8; 32]>,
}

impl Requesters {
    /// HMAC-SHA256 of a handle under the key of the (UTC) day of `now`.
    pub(super) fn hash(&mut self, requester: &Handle, now: Timestamp) -> Digest {
        let day = now.as_millis() / DAY_MS;
        let new = || Today { day, key: Zeroizing::new(rand::random()) };
        let today = match self.0.take() {
            Some(today) if today.day == day => today,
            Some(_) | None => new(),
        };
        let today = self.0.insert(today);
        // SHA-256 takes a key of any length.
        Hmac::<Sha256>::new_from_slice(today.key.as_slice()).map_or(
            Digest::from_bytes([0; 32]),
            |mac| {
                let mac = mac.chain_update(requester.as_str().as_bytes());
                Digest::from_bytes(mac.finalize().into_bytes().into())
            },
        )
    }
}

impl std::fmt::Debug for Requesters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Requesters").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_requester_is_recognised_within_a_day_and_not_on_the_next() {
        let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let morning = Timestamp::from_millis(20_000 * DAY_MS);
        let (night, tomorrow) = (
            morning.after(Duration::from_millis(DAY_MS - 1)),
            morning.after(Duration::from_hours(24)),
        );
        let mut requesters = Requesters::default();
        let first = requesters.hash(&alice, morning);
        assert_eq!(requesters.hash(&alice, night), first);
        assert_ne!(requesters.hash(&bob, night), first);
        let second = requesters.hash(&alice, tomorrow);
        assert_ne!(second, first);
        assert_ne!(requesters.hash(&alice, morning), first, "the first key is gone for good");
        assert_ne!(Requesters::default().hash(&alice, tomorrow), second, "each bridge has its own");
    }

    #[test]
    fn the_key_is_not_printed() {
        let mut requesters = Requesters::default();
        requesters.hash(&"alice".parse().unwrap(), Timestamp::default());
        assert_eq!(format!("{requesters:?}"), "Requesters { .. }");
    }
}
