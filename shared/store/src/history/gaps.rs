//! Stretches in which samples should have come and did not.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use sysmaint_protocol::Timestamp;

use crate::{SqlError, Telemetry, device_store::timestamp};

/// Samples from which a host's interval is taken.
const LOOKED_AT: u32 = 65;
/// The interval of a host that has not sent two samples: what probes do unless told otherwise.
const USUAL: Duration = Duration::from_secs(10);
/// Gaps in one answer; the longest ones.
const GAPS_MAX: u32 = 1000;

/// A stretch between two neighbouring samples that is too long, as far as it was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last sample before it.
    pub from: Timestamp,
    /// The first one after it.
    pub to: Timestamp,
    /// How many samples would have been in between.
    pub missing: u64,
}

impl Gap {
    /// The gap between two neighbouring samples, if there is one.
    pub(super) fn between(from: Timestamp, to: Timestamp, interval: Duration) -> Option<Self> {
        let (span, interval) = (millis(to.since(from)), millis(interval).max(1));
        // Two and a half intervals, in whole numbers.
        (span.saturating_mul(2) > interval.saturating_mul(5)).then(|| {
            let steps = (span + interval / 2) / interval;
            Self { from, to, missing: steps.saturating_sub(1).max(1) }
        })
    }
}

impl Telemetry<'_> {
    /// The usual time between two samples of a host up to a moment: the median of the latest.
    pub(super) fn interval(self, host: i64, up_to: Timestamp) -> Result<Duration, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT taken_at FROM point WHERE host = ?1 AND taken_at <= ?2
             ORDER BY taken_at DESC LIMIT ?3",
        )?;
        let rows = statement
            .query_map(params![host, up_to.as_millis(), LOOKED_AT], |row| timestamp(row, 0))?;
        let times = rows.collect::<Result<Vec<_>, _>>()?;
        let mut steps: Vec<_> = times.windows(2).map(|pair| pair[0].since(pair[1])).collect();
        steps.sort_unstable();
        Ok(steps.get(steps.len() / 2).copied().unwrap_or(USUAL))
    }

    /// Looks for gaps anew, from the sample before `first` to the one after `last`. The numbers of
    /// samples are known from `oldest_known` on.
    pub(super) fn find_gaps(
        self,
        host: i64,
        (first, last): (Timestamp, Timestamp),
        oldest_known: Timestamp,
    ) -> Result<(), SqlError> {
        let beside = |sql: &str, time: Timestamp| -> Result<Option<u64>, SqlError> {
            let mut statement = self.0.prepare_cached(sql)?;
            Ok(statement.query_row(params![host, time.as_millis()], |row| row.get(0))?)
        };
        let before = "SELECT max(taken_at) FROM point WHERE host = ?1 AND taken_at < ?2";
        let after = "SELECT min(taken_at) FROM point WHERE host = ?1 AND taken_at > ?2";
        let end = beside(after, last)?.unwrap_or(last.as_millis());
        let known = (first >= oldest_known).then_some(first.as_millis());
        // Else the numbers of its neighbours are forgotten, and with them what lay between.
        let Some(start) = beside(before, first)?.or(known) else { return Ok(()) };
        self.0
            .prepare_cached("DELETE FROM gap WHERE host = ?1 AND since >= ?2 AND since < ?3")?
            .execute(params![host, start, end])?;
        let interval = self.interval(host, last)?;
        let mut statement = self.0.prepare_cached(
            "SELECT taken_at FROM point WHERE host = ?1 AND taken_at BETWEEN ?2 AND ?3
             ORDER BY taken_at",
        )?;
        let times = statement
            .query_map(params![host, start, end], |row| timestamp(row, 0))?
            .collect::<Result<Vec<_>, _>>()?;
        for pair in times.windows(2) {
            if Gap::between(pair[0], pair[1], interval).is_some() {
                self.put_gap(host, pair[0], pair[1], interval)?;
            }
        }
        Ok(())
    }

    fn put_gap(
        self,
        host: i64,
        since: Timestamp,
        until: Timestamp,
        interval: Duration,
    ) -> Result<(), SqlError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO gap VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![host, since.as_millis(), until.as_millis(), millis(interval)])?;
        Ok(())
    }

    /// The gaps of a window, in order, cut to it; also that which goes on at its end.
    pub(super) fn gaps(
        self,
        host: i64,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Gap>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT * FROM (
                 SELECT since, until, interval FROM gap
                 WHERE host = ?1 AND since < ?3 AND since >= coalesce(
                     (SELECT max(since) FROM gap WHERE host = ?1 AND since <= ?2), 0)
                 ORDER BY until - since DESC LIMIT ?4)
             ORDER BY since",
        )?;
        let window = params![host, from.as_millis(), to.as_millis(), GAPS_MAX];
        let rows = statement.query_map(window, |row| {
            let interval = Duration::from_millis(row.get(2)?);
            Ok((timestamp(row, 0)?, timestamp(row, 1)?, interval))
        })?;
        let mut gaps = Vec::new();
        let mut known = None;
        for row in rows {
            let (since, until, interval) = row?;
            known = Some(since);
            gaps.extend(Gap::between(since.max(from), until.min(to), interval));
        }
        if let Some(last) = self.last_sample(host, to)?
            && known != Some(last)
        {
            gaps.extend(Gap::between(last.max(from), to, self.interval(host, to)?));
        }
        Ok(gaps)
    }

    /// When the newest sample up to a moment was taken.
    fn last_sample(self, host: i64, up_to: Timestamp) -> Result<Option<Timestamp>, SqlError> {
        // Both are looked at: numbers are kept for longer, but the newest sample for ever.
        let mut newest = None;
        for table in ["point", "sample"] {
            let sql = format!(
                "SELECT taken_at FROM {table} WHERE host = ?1 AND taken_at <= ?2
                 ORDER BY taken_at DESC LIMIT 1"
            );
            let time = self
                .0
                .prepare_cached(&sql)?
                .query_row(params![host, up_to.as_millis()], |row| timestamp(row, 0))
                .optional()?;
            newest = newest.max(time);
        }
        Ok(newest)
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_and_a_half_intervals_are_no_gap_yet() {
        let interval = Duration::from_secs(10);
        let gap = |millis| {
            Gap::between(Timestamp::default(), Timestamp::from_millis(millis), interval)
                .map(|gap| gap.missing)
        };
        let missing = [10_000, 25_000, 25_001, 30_400, 600_000].map(gap);
        assert_eq!(missing, [None, None, Some(2), Some(2), Some(59)]);
    }
}
