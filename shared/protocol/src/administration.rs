//! What the relay's operator decides about devices: over NATS, with the relay's own key.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, Handle, Timestamp, rest::Transport, subject::ADMINISTRATION};

/// A decision, or the question that comes before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Who is registered.
    List,
    /// A device is out: nothing it holds is good for anything, and its key may not come back.
    Revoke,
    /// A device is to register again by itself: its token is worthless.
    Rotate,
    /// A device that was revoked may register again with the key it had.
    Readmit,
}

impl Decision {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::List, Self::Revoke, Self::Rotate, Self::Readmit];

    /// Its token.
    pub const fn token(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Revoke => "revoke",
            Self::Rotate => "rotate",
            Self::Readmit => "readmit",
        }
    }

    /// Where it is asked for.
    pub fn subject(self) -> String {
        format!("{ADMINISTRATION}.{}", self.token())
    }

    /// Reads `relayadmin.v1.<decision>`.
    pub fn parse(subject: &str) -> Option<Self> {
        let token = subject.strip_prefix(ADMINISTRATION)?.strip_prefix('.')?;
        Self::ALL.into_iter().find(|decision| decision.token() == token)
    }
}

/// About which device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Whose.
    pub identity: Handle,
    /// Which device.
    pub device_id: DeviceId,
}

/// Where the next page of a list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {
    /// What the page before said; 0 for the first.
    #[serde(default)]
    pub from: u64,
}

/// One page of the devices, those that changed last at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// All devices of every identity on this page.
    pub devices: Vec<ListedDevice>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A device as the operator sees it. No key and no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedDevice {
    /// Whose.
    pub identity: Handle,
    /// Which.
    pub device_id: DeviceId,
    /// How it reads its mailbox; absent for one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Whether it holds a token at this moment, as far as the relay knows.
    pub has_token: bool,
    /// Whether it logs in to NATS by the relay's word, not by the server's configuration.
    pub has_login: bool,
    /// When it was first registered; absent for one that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// Since when it is out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Whether one that is out may come back.
    #[serde(default)]
    pub readmitted: bool,
}

/// What a decision did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Connections to NATS that were ended at once.
    pub ended_connections: usize,
    /// Whether the server's own configuration may still let the device in: it reads its mailbox
    /// over NATS and has no login that the relay could take back.
    pub login_in_configuration: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_comes_back_from_its_subject() {
        for decision in Decision::ALL {
            assert_eq!(Decision::parse(&decision.subject()), Some(decision));
        }
        for wrong in ["relayadmin.v1", "relayadmin.v1.", "relayadmin.v1.list.x", "relay.v1.list"] {
            assert_eq!(Decision::parse(wrong), None, "{wrong}");
        }
    }
}
