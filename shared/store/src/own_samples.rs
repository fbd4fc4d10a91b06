//! A probe's own samples: kept first, sealed afterwards.

use rusqlite::{Connection, OptionalExtension, params};
use sysmaint_protocol::{ContentId, Handle, Timestamp, body::NumberedSample, sample::Sample};

use crate::{SqlError, device_store::blob16};

/// The tables of own samples and of their readers.
#[derive(Clone, Copy, Debug)]
pub struct OwnSamples<'a>(pub(crate) &'a Connection);

impl OwnSamples<'_> {
    /// The name of this store's stream; `fresh` becomes it the first time.
    pub fn stream(&self, fresh: ContentId) -> Result<ContentId, SqlError> {
        self.0
            .prepare_cached("INSERT OR IGNORE INTO own_stream VALUES (1, ?1)")?
            .execute([fresh.as_bytes()])?;
        let stream = self.0.query_row("SELECT stream FROM own_stream", [], |row| blob16(row, 0))?;
        Ok(ContentId::from_bytes(stream))
    }

    /// Keeps a sample under the next sequence.
    pub fn keep(&self, sample: &Sample) -> Result<u64, SqlError> {
        let body = serde_json::to_string(sample)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.0
            .prepare_cached("INSERT INTO own_sample (taken_at, body) VALUES (?1, ?2)")?
            .execute(params![sample.taken_at.as_millis(), body])?;
        Ok(u64::try_from(self.0.last_insert_rowid()).unwrap_or_default())
    }

    /// What a reader has not been sent, oldest first, up to `max_bytes` of JSON but at least one.
    pub fn unsent(
        &self,
        reader: &Handle,
        max_bytes: usize,
    ) -> Result<Vec<NumberedSample>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT sequence, body FROM own_sample
             WHERE sequence > coalesce((SELECT sealed FROM reader WHERE handle = ?1), 0)
             ORDER BY sequence",
        )?;
        let mut rows = statement.query([reader.as_str()])?;
        let (mut samples, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let body: String = row.get(1)?;
            // The number and the punctuation around a sample.
            bytes += body.len() + 48;
            if bytes > max_bytes && !samples.is_empty() {
                break;
            }
            let Ok(sample) = serde_json::from_str(&body) else { continue };
            samples.push(NumberedSample { sequence: row.get(0)?, sample });
        }
        Ok(samples)
    }

    /// How many samples a reader has not been sent.
    pub fn backlog(&self, reader: &Handle) -> Result<u64, SqlError> {
        Ok(self
            .0
            .prepare_cached(
                "SELECT count(*) FROM own_sample
                 WHERE sequence > coalesce((SELECT sealed FROM reader WHERE handle = ?1), 0)",
            )?
            .query_row([reader.as_str()], |row| row.get(0))?)
    }

    /// Notes how far a reader has been sent.
    pub fn sealed_up_to(&self, reader: &Handle, sequence: u64) -> Result<(), SqlError> {
        self.0
            .prepare_cached(
                "INSERT INTO reader VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
            )?
            .execute(params![reader.as_str(), sequence])?;
        Ok(())
    }

    /// A reader that is seen for the first time is sent everything that is still here.
    pub fn meet_reader(&self, reader: &Handle) -> Result<(), SqlError> {
        let known: Option<u64> = self
            .0
            .prepare_cached("SELECT sealed FROM reader WHERE handle = ?1")?
            .query_row([reader.as_str()], |row| row.get(0))
            .optional()?;
        if known.is_none() {
            self.sealed_up_to(reader, 0)?;
        }
        Ok(())
    }

    /// Forgets samples taken before `end`, sent or not; returns how many of them were not.
    pub fn prune(&self, end: Timestamp) -> Result<u64, SqlError> {
        let lost: u64 = self
            .0
            .prepare_cached(
                "SELECT count(*) FROM own_sample WHERE taken_at < ?1
                 AND sequence > coalesce((SELECT min(sealed) FROM reader), 0)",
            )?
            .query_row([end.as_millis()], |row| row.get(0))?;
        self.0
            .prepare_cached("DELETE FROM own_sample WHERE taken_at < ?1")?
            .execute([end.as_millis()])?;
        Ok(lost)
    }
}
