//! What the agent told an operator.

use std::time::Duration;

use rusqlite::{Connection, params};
use sysmaint_protocol::{Alert, Handle, Timestamp, alert::State};

use crate::{SqlError, device_store::invalid};

/// How long an alert that is over is kept.
const KEPT: Duration = Duration::from_hours(90 * 24);
/// Alerts that are kept.
const MANY: usize = 10_000;

/// The table of alerts.
#[derive(Clone, Copy, Debug)]
pub struct Alerts<'a>(pub(crate) &'a Connection);

impl Alerts<'_> {
    /// Takes one as it was told; false if it was known to be over already.
    pub fn put(&self, alert: &Alert) -> Result<bool, SqlError> {
        let changed = self
            .0
            .prepare_cached(
                "INSERT INTO alert VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until,
                     body = excluded.body WHERE until IS NULL",
            )?
            .execute(params![
                alert.id.as_bytes(),
                alert.since.as_millis(),
                over(alert),
                json(alert)?
            ])?;
        Ok(changed > 0)
    }

    /// What is firing, and the latest of the others, at most `limit` in all; what is firing first,
    /// each from the newest on.
    pub fn latest(&self, limit: usize) -> Result<Vec<Alert>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT body FROM alert ORDER BY until IS NOT NULL, since DESC, id LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            let body: String = row.get(0)?;
            serde_json::from_str(&body).map_err(|error| invalid(0, error))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Of a host, those that were so at any time from one moment to a later one, from the newest
    /// on, at most `limit`.
    pub fn between(
        &self,
        host: &Handle,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Alert>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT body FROM alert WHERE since <= ?1 AND (until IS NULL OR until >= ?2)
                 AND json_extract(body, '$.host') = ?3
             ORDER BY since DESC, id LIMIT ?4",
        )?;
        let window = params![to.as_millis(), from.as_millis(), host.as_str(), limit];
        let rows = statement.query_map(window, |row| {
            let body: String = row.get(0)?;
            serde_json::from_str(&body).map_err(|error| invalid(0, error))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets those that were over long ago, and more than there is room for.
    pub fn prune(&self, now: Timestamp) -> Result<usize, SqlError> {
        let old =
            self.0.execute("DELETE FROM alert WHERE until < ?1", [now.before(KEPT).as_millis()])?;
        let many = self.0.execute(
            "DELETE FROM alert WHERE id NOT IN (
                 SELECT id FROM alert ORDER BY until IS NOT NULL, since DESC LIMIT ?1)",
            [MANY],
        )?;
        Ok(old + many)
    }
}

/// When it was over; by its beginning where it does not say.
fn over(alert: &Alert) -> Option<u64> {
    let until = alert.until.unwrap_or(alert.since);
    (alert.state == State::Resolved).then_some(until.as_millis())
}

pub(crate) fn json(alert: &Alert) -> Result<String, SqlError> {
    let json = serde_json::to_string(alert)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::{ContentId, alert::Severity};

    use super::*;
    use crate::migrate::STORE;

    fn alert(id: u8, since: u64) -> Alert {
        Alert {
            id: ContentId::from_bytes([id; 16]),
            host: "web1".parse().unwrap(),
            rule: "silent/2m!".into(),
            metric: None,
            severity: Severity::Critical,
            state: State::Firing,
            since: Timestamp::from_millis(since),
            until: None,
            summary: "gone".into(),
            cause: None,
        }
    }

    fn resolved(alert: Alert, until: u64) -> Alert {
        Alert { state: State::Resolved, until: Some(Timestamp::from_millis(until)), ..alert }
    }

    fn opened() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        STORE.run(&mut connection).unwrap();
        connection
    }

    #[test]
    fn what_is_over_stays_over_in_whatever_order_it_is_told() {
        let connection = opened();
        let alerts = Alerts(&connection);
        assert!(alerts.put(&resolved(alert(1, 10), 20)).unwrap());
        assert!(!alerts.put(&alert(1, 10)).unwrap());
        assert_eq!(alerts.latest(10).unwrap(), [resolved(alert(1, 10), 20)]);
    }

    #[test]
    fn what_is_firing_comes_first() {
        let connection = opened();
        let alerts = Alerts(&connection);
        for one in [alert(1, 10), resolved(alert(2, 30), 40), alert(3, 20)] {
            alerts.put(&one).unwrap();
        }
        let latest: Vec<_> =
            alerts.latest(10).unwrap().iter().map(|one| one.since.as_millis()).collect();
        assert_eq!(latest, [20, 10, 30]);
        assert_eq!(alerts.latest(1).unwrap().len(), 1);
    }

    #[test]
    fn a_window_has_what_was_so_in_it_of_its_host() {
        let connection = opened();
        let alerts = Alerts(&connection);
        let other = Alert { host: "web2".parse().unwrap(), ..alert(5, 120) };
        for one in [
            resolved(alert(1, 10), 99),
            resolved(alert(2, 50), 100),
            alert(3, 150),
            alert(4, 201),
            other,
        ] {
            alerts.put(&one).unwrap();
        }
        let between = |limit| {
            let at = Timestamp::from_millis;
            let found = alerts.between(&"web1".parse().unwrap(), at(100), at(200), limit).unwrap();
            found.iter().map(|one| one.since.as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(between(10), [150, 50]);
        assert_eq!(between(1), [150]);
    }

    #[test]
    fn what_was_over_long_ago_is_forgotten_and_what_is_firing_is_not() {
        let connection = opened();
        let alerts = Alerts(&connection);
        alerts.put(&alert(1, 10)).unwrap();
        alerts.put(&resolved(alert(2, 10), 20)).unwrap();
        let later = Timestamp::from_millis(20).after(KEPT).after(Duration::from_secs(1));
        assert_eq!(alerts.prune(later).unwrap(), 1);
        assert_eq!(alerts.latest(10).unwrap(), [alert(1, 10)]);
    }
}
