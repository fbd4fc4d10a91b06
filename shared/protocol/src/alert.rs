//! What the agent tells operators without being asked.

use serde::{Deserialize, Serialize};

use crate::{
    ContentId, Handle, Kind, Timestamp,
    body::{Body, InvalidBody},
};

/// Bytes of a rule's name.
pub const RULE_MAX: usize = 64;
/// Bytes of a summary or of a cause.
pub const LINE_MAX: usize = 500;

/// Something about a host needs attention, or does not any more.
///
/// The same `id` comes once as firing and once as resolved. They may arrive in either order;
/// what is resolved stays so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Names it from beginning to end.
    pub id: ContentId,
    /// Which host.
    pub host: Handle,
    /// The rule that it comes from, as it is written in `SYSMAINT_ALERTS`, at most 64 bytes.
    pub rule: String,
    /// What it is about, where that is one number of a host, by the name that rules have for it,
    /// such as `cpu_percent`; at most 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is so still.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// When it was over; absent while it is firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// One line of Markdown with nothing but inline code in it, at most 500 bytes: what is so, with numbers.
    pub summary: String,
    /// The likely cause, of the same kind; absent where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Whether an alert is so still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AlertState))]
pub enum State {
    /// It is.
    Firing,
    /// It is over.
    Resolved,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AlertSeverity))]
pub enum Severity {
    /// Likely to become trouble; waits for the end of quiet hours.
    Warning,
    /// Trouble: told at once, also in quiet hours.
    Critical,
}

impl Severity {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Body for Alert {
    const KIND: Kind = Kind::Alert;

    fn check(&self) -> Result<(), InvalidBody> {
        let lines = [&self.summary].into_iter().chain(&self.cause);
        let names = [&self.rule].into_iter().chain(&self.metric);
        let bounded = lines.map(|line| (line, LINE_MAX)).chain(names.map(|name| (name, RULE_MAX)));
        for (text, max) in bounded {
            if text.len() > max {
                return Err(InvalidBody::TextTooLong(text.len()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    fn alert() -> Alert {
        Alert {
            id: ContentId::from_bytes([7; 16]),
            host: "web1".parse().unwrap(),
            rule: "silent/2m!".into(),
            metric: None,
            severity: Severity::Critical,
            state: State::Firing,
            since: Timestamp::default(),
            until: None,
            summary: "nothing was heard of web1 for 2 min".into(),
            cause: None,
        }
    }

    #[test]
    fn an_alert_is_bounded_both_ways() {
        let long = Alert { cause: Some("x".repeat(LINE_MAX + 1)), ..alert() };
        assert!(body::encode(&alert()).is_ok());
        assert!(body::encode(&long).is_err());
        assert!(body::decode::<Alert>(&serde_json::to_vec(&long).unwrap()).is_err());
        assert!(body::encode(&Alert { rule: "x".repeat(RULE_MAX + 1), ..alert() }).is_err());
        let metric = Some("x".repeat(RULE_MAX + 1));
        assert!(body::encode(&Alert { metric, ..alert() }).is_err());
    }

    #[test]
    fn what_is_unknown_is_absent() {
        let json = serde_json::to_value(alert()).unwrap();
        assert_eq!(json["state"], "firing");
        assert!(json.get("until").is_none() && json.get("cause").is_none());
    }
}
