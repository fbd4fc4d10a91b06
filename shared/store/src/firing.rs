//! What the agent has found to need attention, and whom it has still to tell.

use rusqlite::{Connection, Row, params};
use sysmaint_protocol::{
    Alert, ContentId, Handle, Timestamp,
    alert::{Severity, State},
};

use crate::{
    SqlError,
    alerts::json,
    device_store::{blob16, handle, invalid, timestamp},
};

/// Alerts that wait to be sealed. Without operators to tell there is no end to them.
const DUE: usize = 10_000;

/// The tables of what is firing and of what is due.
#[derive(Clone, Copy, Debug)]
pub struct Firing<'a>(pub(crate) &'a Connection);

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringRow {
    /// Its alert, as it is told while it is firing.
    pub alert: Alert,
    /// What of the host it is about; empty for a rule that is about one thing.
    pub subject: String,
    /// Since when it is not so any more.
    pub clear_since: Option<Timestamp>,
    /// Whether operators know of it.
    pub told: bool,
}

/// An alert that an operator has still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueAlert {
    /// Its place in the queue.
    pub id: i64,
    /// The alert.
    pub alert: Alert,
}

impl Firing<'_> {
    /// Everything that is firing.
    pub fn all(&self) -> Result<Vec<FiringRow>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT host, rule, subject, id, severity, since, clear_since, told, summary, cause,
                     metric FROM firing",
        )?;
        let rows = statement.query_map([], firing)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes it, new or changed.
    pub fn put(&self, row: &FiringRow) -> Result<(), SqlError> {
        let alert = &row.alert;
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO firing
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                alert.host.as_str(),
                alert.rule,
                row.subject,
                alert.id.as_bytes(),
                alert.severity.name(),
                alert.since.as_millis(),
                row.clear_since.map(Timestamp::as_millis),
                row.told,
                alert.summary,
                alert.cause,
                alert.metric,
            ])?;
        Ok(())
    }

    /// Forgets it.
    pub fn remove(&self, id: ContentId) -> Result<(), SqlError> {
        self.0.prepare_cached("DELETE FROM firing WHERE id = ?1")?.execute([id.as_bytes()])?;
        Ok(())
    }

    /// Has an operator told; the oldest that wait go where there are too many.
    pub fn tell(&self, operator: &Handle, alert: &Alert) -> Result<(), SqlError> {
        self.0
            .prepare_cached("INSERT INTO alert_due (operator, body) VALUES (?1, ?2)")?
            .execute(params![operator.as_str(), json(alert)?])?;
        self.0
            .prepare_cached(
                "DELETE FROM alert_due WHERE operator = ?1 AND id NOT IN (
                     SELECT id FROM alert_due WHERE operator = ?1 ORDER BY id DESC LIMIT ?2)",
            )?
            .execute(params![operator.as_str(), DUE])?;
        Ok(())
    }

    /// What an operator has still to be told, oldest first.
    pub fn due(&self, operator: &Handle, limit: usize) -> Result<Vec<DueAlert>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, body FROM alert_due WHERE operator = ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![operator.as_str(), limit], |row| {
            let body: String = row.get(1)?;
            let alert = serde_json::from_str(&body).map_err(|error| invalid(1, error))?;
            Ok(DueAlert { id: row.get(0)?, alert })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// It was told.
    pub fn told(&self, id: i64) -> Result<(), SqlError> {
        self.0.prepare_cached("DELETE FROM alert_due WHERE id = ?1")?.execute([id])?;
        Ok(())
    }
}

fn firing(row: &Row<'_>) -> rusqlite::Result<FiringRow> {
    let severity: String = row.get(4)?;
    let clear_since: Option<u64> = row.get(6)?;
    let severity = match severity.as_str() {
        "critical" => Severity::Critical,
        _ => Severity::Warning,
    };
    let alert = Alert {
        id: ContentId::from_bytes(blob16(row, 3)?),
        host: handle(row, 0)?,
        rule: row.get(1)?,
        metric: row.get(10)?,
        severity,
        state: State::Firing,
        since: timestamp(row, 5)?,
        until: None,
        summary: row.get(8)?,
        cause: row.get(9)?,
    };
    Ok(FiringRow {
        alert,
        subject: row.get(2)?,
        clear_since: clear_since.map(Timestamp::from_millis),
        told: row.get(7)?,
    })
}
