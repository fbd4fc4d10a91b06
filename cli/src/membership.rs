//! What `join` leaves in the data directory: which relay this machine belongs to.

use std::{fs, io, io::Read as _};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sysmaint_bus::RelayUrl;
use sysmaint_protocol::Handle;
use sysmaint_service::{
    data_dir::{DataDir, owner_only_write},
    exit::Exit,
};

use crate::{failure::Failure, further::Further};

const FILE: &str = "relay.json";
const FILE_MAX: u64 = 64 * 1024;
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// Characters of a handle.
const HANDLE_MAX: usize = sysmaint_protocol::limits::HANDLE_MAX;

/// A machine that has joined.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    /// The relay's bridges.
    pub(crate) relay: Vec<RelayUrl>,
    /// The one-time code, needed until each device is registered, if one was given.
    pub(crate) code: Option<SecretString>,
    /// What the probe here is called, unless `DIAG_PROBE_ID` says otherwise.
    pub(crate) probe: Handle,
    /// Whose further device the command line is here, if it is one.
    pub(crate) further: Option<Further>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    relay: Vec<RelayUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    probe: Handle,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    further: Option<Further>,
}

impl Membership {
    /// `None` in a data directory that joined nothing.
    pub(crate) fn read(data: &DataDir) -> Result<Option<Self>, Failure> {
        let path = data.join(FILE);
        let mut bytes = Vec::new();
        let read =
            fs::File::open(&path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::new(Exit::Io, error)),
        }
        let decoded = Self::decode(&bytes);
        decoded.map(Some).ok_or_else(|| {
            let path = path.display();
            Failure::new(Exit::Config, anyhow::anyhow!("{path} is damaged: join again"))
        })
    }

    /// Replaces what was there.
    pub(crate) fn write(&self, data: &DataDir) -> Result<(), Failure> {
        let content = Content {
            relay: self.relay.clone(),
            code: self.code.as_ref().map(|code| code.expose_secret().to_owned()),
            probe: self.probe.clone(),
            further: self.further.clone(),
        };
        let failed = |error: anyhow::Error| Failure::new(Exit::CannotCreate, error);
        let json = serde_json::to_vec_pretty(&content).map_err(|error| failed(error.into()))?;
        owner_only_write(&data.join(FILE), &json).map_err(|error| failed(error.into()))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let content: Content = serde_json::from_slice(bytes).ok()?;
        (!content.relay.is_empty()).then_some(Self {
            relay: content.relay,
            code: content.code.map(SecretString::from),
            probe: content.probe,
            further: content.further,
        })
    }
}

/// A handle for this machine's probe: `diagprobe-<host>`.
pub(crate) fn probe_of_this_host() -> Handle {
    probe_of(&fs::read_to_string(HOST_NAME).unwrap_or_default())
}

fn probe_of(host: &str) -> Handle {
    let common = sysmaint_protocol::identities::probe();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let host: String = host.trim().chars().map(plain).collect();
    let mut handle = format!("{common}-{}", host.trim_matches('-'));
    handle.truncate(HANDLE_MAX);
    handle.trim_end_matches('-').parse().unwrap_or(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_host_name_becomes_a_handle() {
        let handle = |host: &str| probe_of(host).as_str().to_owned();
        assert_eq!(handle("web1\n"), "diagprobe-web1");
        assert_eq!(handle("Db-2.Example.ORG"), "diagprobe-db-2-example-org");
        assert_eq!(handle("größe"), "diagprobe-gr--e");
        assert_eq!(handle(""), "diagprobe");
        assert_eq!(handle("..."), "diagprobe");
        assert_eq!(handle(&"x".repeat(300)).len(), HANDLE_MAX);
    }

    #[test]
    fn what_was_joined_is_found_again_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open_shared(directory.path()).unwrap();
        assert!(Membership::read(&data).unwrap().is_none());
        let joined = Membership {
            relay: vec!["https://relay.example".parse().unwrap()],
            code: Some("c0de".to_owned().into()),
            probe: probe_of("web1"),
            further: None,
        };
        joined.write(&data).unwrap();
        let found = Membership::read(&data).unwrap().unwrap();
        assert_eq!((&found.relay, &found.probe), (&joined.relay, &joined.probe));
        assert_eq!(found.code.as_ref().unwrap().expose_secret(), "c0de");
        let mode = fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{found:?}").contains("c0de"));
        fs::write(data.join(FILE), "{").unwrap();
        assert!(Membership::read(&data).is_err());
    }
}
