//! One of an identity's devices.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A device number, 1 to 127, as libsignal bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct DeviceId(u8);

/// The number is outside 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device id must be 1 to 127, not {0}")]
pub struct InvalidDeviceId(u32);

impl DeviceId {
    /// The first device of an identity.
    pub const FIRST: Self = Self(1);

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for DeviceId {
    type Error = InvalidDeviceId;

    fn try_from(number: u8) -> Result<Self, InvalidDeviceId> {
        if (1..=127).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidDeviceId(number.into()))
        }
    }
}

impl TryFrom<u32> for DeviceId {
    type Error = InvalidDeviceId;

    fn try_from(number: u32) -> Result<Self, InvalidDeviceId> {
        u8::try_from(number).map_err(|_| InvalidDeviceId(number)).and_then(Self::try_from)
    }
}

impl From<DeviceId> for u8 {
    fn from(id: DeviceId) -> Self {
        id.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
