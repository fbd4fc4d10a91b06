//! What of the limits can be set.

use std::{num::NonZeroU32, time::Duration};

use governor::Quota;

/// In this time all prekey fetches of one requester for one target come back.
const FETCHES_OVER: Duration = Duration::from_mins(10);
/// In this time all registrations of one address come back.
const REGISTRATIONS_OVER: Duration = Duration::from_mins(3);
/// Calls at once, in seconds' worth.
const CALLS_BURST_S: u32 = 10;

/// How often who may ask. All are per bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// `RELAY_MESSAGE_BURST`: messages that a device may send at once; a batch is one.
    pub message_burst: NonZeroU32,
    /// `RELAY_MESSAGES_PER_S`: and then in every second.
    pub messages_per_s: NonZeroU32,
    /// `RELAY_PREKEY_FETCHES`: bundles of one target that one requester may take in ten minutes.
    pub prekey_fetches: NonZeroU32,
    /// `RELAY_REGISTRATIONS`: registrations over HTTP from one address in three minutes.
    pub registrations: NonZeroU32,
    /// `RELAY_REQUESTS_PER_S`: other calls of one device, or of one address that shows no token,
    /// in every second; ten times as many at once.
    pub requests_per_s: NonZeroU32,
}

impl LimitSettings {
    /// The most that any of them may be set to.
    pub const MAX: u32 = 1_000_000;

    pub(super) fn messages(&self) -> Quota {
        Quota::per_second(self.messages_per_s).allow_burst(self.message_burst)
    }

    pub(super) fn bundles(&self) -> Quota {
        spread(self.prekey_fetches, FETCHES_OVER)
    }

    pub(super) fn registrations(&self) -> Quota {
        spread(self.registrations, REGISTRATIONS_OVER)
    }

    pub(super) fn calls(&self) -> Quota {
        let burst = self.requests_per_s.saturating_mul(TEN);
        Quota::per_second(self.requests_per_s).allow_burst(burst)
    }
}

const TEN: NonZeroU32 = at_least_one(CALLS_BURST_S);

/// All at once, and one again in each equal part of the time.
fn spread(number: NonZeroU32, over: Duration) -> Quota {
    let one = over / number.get();
    // Only a part of zero length is refused, and no setting makes one.
    Quota::with_period(one).unwrap_or(Quota::per_second(number)).allow_burst(number)
}

/// A number that is known to be one.
pub(super) const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for LimitSettings {
    /// The documented defaults.
    fn default() -> Self {
        Self {
            message_burst: at_least_one(60),
            messages_per_s: at_least_one(1),
            prekey_fetches: at_least_one(6),
            registrations: at_least_one(6),
            requests_per_s: at_least_one(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_settings_make_quotas() {
        let most = at_least_one(LimitSettings::MAX);
        let settings = LimitSettings {
            message_burst: most,
            messages_per_s: most,
            prekey_fetches: most,
            registrations: most,
            requests_per_s: most,
        };
        assert_eq!(settings.messages().replenish_interval(), Duration::from_micros(1));
        assert_eq!(settings.bundles().burst_size(), most);
        assert_eq!(settings.registrations().replenish_interval(), Duration::from_micros(180));
        assert_eq!(settings.calls().burst_size().get(), 10 * LimitSettings::MAX);
    }
}
