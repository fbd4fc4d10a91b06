//! Which nats-server is new enough.

use std::fmt;

/// The oldest server that has all that is used: per-message TTL and pinned clients.
pub(crate) const OLDEST: ServerVersion = ServerVersion { major: 2, minor: 11 };

/// A nats-server's version, as far as features depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    major: u32,
    minor: u32,
}

impl ServerVersion {
    /// Finds a version such as `2.15.1`, `v2.11.0-RC.1` or `nats-server: v2.15.1` in a text.
    pub fn find(text: &str) -> Option<Self> {
        let start = text.find(|character: char| character.is_ascii_digit())?;
        let mut parts = text[start..].split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Self { major, minor })
    }

    /// Whether sysmaint can use it.
    pub fn is_new_enough(self) -> bool {
        self >= OLDEST
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared() {
        for (text, new_enough) in [
            ("2.15.1", true),
            ("v2.11.0-RC.1", true),
            ("nats-server: v2.15.1\n", true),
            ("2.9.10", false),
            ("2.10.29", false),
            ("3.0.0", true),
        ] {
            let version = ServerVersion::find(text).unwrap();
            assert_eq!(version.is_new_enough(), new_enough, "{text}");
        }
        assert_eq!(ServerVersion::find("no version"), None);
    }
}
