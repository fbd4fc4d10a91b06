//! How the relay and its broker are doing, for operators: totals and settings, no names.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use serde::Serialize;
use sysmaint_bus::{Diagnostics, EffectiveDurability};
use sysmaint_protocol::limits::{
    ENVELOPE_MAX, MAILBOX_AGE, MAILBOX_MESSAGES, PREKEY_UPLOAD_MAX, PREKEYS_PER_UPLOAD,
};

use sysmaint_service::http_server::Connections;
use utoipa::ToSchema;

use super::{
    App,
    auth::Operator,
    failure::Failure,
    openapi::{ANY, OPERATION, broker, problems},
};
use crate::{
    LimitSettings,
    audit::AuditReport,
    problem::{OPERATORS_ONLY, unavailable},
};

/// How the names of mailbox streams begin.
const MAILBOXES: &str = "MAILBOX_";

problems! { DiagnosticsProblems = ANY, &[OPERATORS_ONLY]; }

/// How the relay and its broker are doing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Report {
    /// The relay's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    #[schema(schema_with = broker::state)]
    nats: Diagnostics,
    #[schema(schema_with = broker::durability)]
    durability: EffectiveDurability,
    mailboxes: Depth,
    sockets: Sockets,
    limits: Limits,
    rates: Rates,
    connections: ConnectionReport,
    audit: AuditReport,
    /// What was done since the start, by name.
    #[schema(value_type = BTreeMap<String, u64>)]
    accepted: BTreeMap<&'static str, u64>,
    /// What was refused since the start, by name.
    #[schema(value_type = BTreeMap<String, u64>)]
    rejects: BTreeMap<&'static str, u64>,
    /// Whether a registration over HTTP needs a one-time code, even from this machine.
    registration_needs_code: bool,
    registry_watched: bool,
}

/// What clients take of the listener, and may take.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectionReport {
    open: usize,
    sockets: usize,
    max: usize,
    max_per_peer: usize,
    #[schema(value_type = u64)]
    header_timeout_ms: u128,
    /// What became of connections since the start, by name.
    #[schema(value_type = BTreeMap<String, u64>)]
    events: BTreeMap<&'static str, u64>,
}

/// What waits in all mailboxes together.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
struct Depth {
    messages: u64,
    bytes: u64,
}

/// Connections at this moment, and as many as there may be.
#[derive(Debug, Serialize, ToSchema)]
struct Sockets {
    open: usize,
    max: usize,
}

/// What the relay takes at most.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    envelope_bytes: usize,
    mailbox_messages: i64,
    mailbox_age_s: u64,
    prekey_upload_bytes: usize,
    prekeys_per_upload: usize,
}

/// How often who may ask, as it was set.
#[derive(Debug, Serialize, ToSchema)]
struct Rates {
    message_burst: u32,
    messages_per_s: u32,
    prekey_fetches_per_10_min: u32,
    registrations_per_3_min: u32,
    requests_per_s: u32,
}

const LIMITS: Limits = Limits {
    envelope_bytes: ENVELOPE_MAX,
    mailbox_messages: MAILBOX_MESSAGES,
    mailbox_age_s: Duration::as_secs(&MAILBOX_AGE),
    prekey_upload_bytes: PREKEY_UPLOAD_MAX,
    prekeys_per_upload: PREKEYS_PER_UPLOAD,
};

/// How the relay and its broker are doing
///
/// Totals and settings, no names. For requests from the relay's own machine by a loopback address,
/// and for whoever presents the operator token.
#[utoipa::path(
    get,
    path = "/diagnostics",
    operation_id = "getDiagnostics",
    tag = OPERATION,
    responses((status = 200, description = "The report.", body = Report), DiagnosticsProblems),
    security((), ("operator" = [])),
)]
pub(super) async fn diagnostics(
    _: Operator,
    State(app): State<App>,
) -> Result<Json<Report>, Failure> {
    let nats = app.bus.diagnostics().await.map_err(unavailable)?;
    Ok(Json(Report {
        version: env!("CARGO_PKG_VERSION"),
        durability: app.config.durability,
        mailboxes: depth(&nats),
        nats,
        sockets: Sockets { open: app.sockets.count(), max: app.sockets.max() },
        limits: LIMITS,
        rates: app.config.limits.into(),
        connections: connections(&app.connections),
        audit: app.directory.audit().report(),
        accepted: app.counters.accepted(),
        rejects: app.counters.rejects(),
        registration_needs_code: app.config.requires_code(),
        registry_watched: app.directory.is_watching(),
    }))
}

fn connections(connections: &Connections) -> ConnectionReport {
    let limits = connections.limits();
    ConnectionReport {
        open: connections.open(),
        sockets: connections.sockets(),
        max: limits.connections,
        max_per_peer: limits.connections_per_peer,
        header_timeout_ms: limits.header_time.as_millis(),
        events: connections.events(),
    }
}

impl From<LimitSettings> for Rates {
    fn from(settings: LimitSettings) -> Self {
        Self {
            message_burst: settings.message_burst.get(),
            messages_per_s: settings.messages_per_s.get(),
            prekey_fetches_per_10_min: settings.prekey_fetches.get(),
            registrations_per_3_min: settings.registrations.get(),
            requests_per_s: settings.requests_per_s.get(),
        }
    }
}

fn depth(nats: &Diagnostics) -> Depth {
    let mailboxes = nats.streams.iter().filter(|stream| stream.name.starts_with(MAILBOXES));
    mailboxes.fold(Depth { messages: 0, bytes: 0 }, |sum, stream| Depth {
        messages: sum.messages.saturating_add(stream.messages),
        bytes: sum.bytes.saturating_add(stream.bytes),
    })
}

#[cfg(test)]
mod tests {
    use sysmaint_bus::StreamDiagnostics;
    use sysmaint_protocol::subject::mailbox_stream;

    use super::*;

    #[test]
    fn the_depth_is_that_of_mailboxes_alone() {
        let stream = |name: String, messages| StreamDiagnostics {
            name,
            messages,
            bytes: messages * 100,
            max_bytes: None,
            consumers: 0,
            replicas: 1,
        };
        let nats = Diagnostics {
            server: String::new(),
            version: String::new(),
            connected: true,
            round_trip_ms: 0.0,
            streams: vec![
                stream(mailbox_stream(0), 2),
                stream("PREKEYS".to_owned(), 50),
                stream(mailbox_stream(11), 3),
            ],
        };
        assert_eq!(depth(&nats), Depth { messages: 5, bytes: 500 });
    }
}
