//! The one place where the bridge asks for the time.

use std::time::{SystemTime, UNIX_EPOCH};

use sysmaint_protocol::Timestamp;

/// This moment by the local clock; a clock before 1970 reads as 1970.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
