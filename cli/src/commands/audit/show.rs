//! `sysmaint audit show`.

use std::io::{ErrorKind, Write, stdout};

use serde::Serialize;
use sysmaint_protocol::{Timestamp, audit::Digest};
use sysmaint_service::exit::Exit;
use sysmaint_store::audit::{AuditEvent, AuditFile, AuditRow};

use super::unread;
use crate::failure::Failure;

/// Prints the last rows, the oldest first.
pub(super) fn run(file: &AuditFile, last: u32, json: bool) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let mut written = Ok(());
    file.last_rows(last, |row| {
        if written.is_ok() {
            written = if json { write_json(&mut out, row) } else { write_line(&mut out, row) };
        }
    })
    .map_err(unread)?;
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::new(Exit::Io, error)),
    }
}

#[derive(Serialize)]
struct Line {
    sequence: u64,
    time: Timestamp,
    hash: Digest,
    #[serde(flatten)]
    event: Option<AuditEvent>,
}

fn write_json(out: &mut impl Write, row: Result<AuditRow, u64>) -> std::io::Result<()> {
    let text = match row {
        Ok(row) => {
            let event = row.event().ok();
            let line = Line { sequence: row.sequence, time: row.time, hash: row.hash, event };
            serde_json::to_string(&line)?
        }
        Err(sequence) => serde_json::json!({ "sequence": sequence, "damaged": true }).to_string(),
    };
    writeln!(out, "{text}")
}

fn write_line(out: &mut impl Write, row: Result<AuditRow, u64>) -> std::io::Result<()> {
    match row {
        Ok(row) => {
            let said = row.event().map_or_else(
                |_| format!("an event of kind {}, which this version does not know", row.kind),
                |event| describe(&event),
            );
            writeln!(out, "{:>8}  {:<24}  {said}", row.sequence, row.time.to_string())
        }
        Err(sequence) => writeln!(out, "{sequence:>8}  damaged"),
    }
}

fn describe(event: &AuditEvent) -> String {
    match event {
        AuditEvent::BridgeStarted { version } => format!("bridge started, version {version}"),
        AuditEvent::BridgeStopped => "bridge stopped".to_owned(),
        AuditEvent::Anchored { sequence, .. } => format!("row {sequence} anchored at the broker"),
        AuditEvent::Pruned { through, before, .. } => {
            format!("rows up to {through} pruned, all older than {before}")
        }
        AuditEvent::DeviceRegistered { handle, device_id, new } => {
            format!("registered {handle}.{device_id}{}", if *new { ", new" } else { ", again" })
        }
        AuditEvent::TokenRotated { handle, device_id } => {
            format!("new token for {handle}.{device_id}")
        }
        AuditEvent::DeviceRevoked { handle, device_id } => {
            format!("revoked {handle}.{device_id}")
        }
        AuditEvent::PrekeysUploaded { handle, device_id, one_time, one_time_kyber } => {
            format!("{one_time} and {one_time_kyber} one-time prekeys from {handle}.{device_id}")
        }
        AuditEvent::CertificateIssued { handle, device_id } => {
            format!("certificate for {handle}.{device_id}")
        }
        AuditEvent::BundleFetched { target, requester } => {
            let short: String = requester.to_string().chars().take(16).collect();
            format!("bundle of {target} fetched by {short}…")
        }
        AuditEvent::EnvelopeAccepted { digest } => format!("envelope accepted, {digest}"),
        AuditEvent::EnvelopeDelivered { digest } => format!("envelope delivered, {digest}"),
    }
}
