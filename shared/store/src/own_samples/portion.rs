//! What a reader is given next.

use rusqlite::params;
use sysmaint_protocol::{
    ContentId, Handle, Timestamp,
    body::{Lost, NumberedSample, Telemetry},
    limits::LOST_STRETCHES,
};

use super::{OwnSamples, Stretch};
use crate::SqlError;

/// The number and the punctuation around a sample.
const AROUND_SAMPLE: usize = 48;
/// A lost stretch with its times.
const AROUND_LOST: usize = 176;

/// What fits one message, as it is filled.
struct Portion {
    room: usize,
    /// Nothing is in it, and something must be.
    empty: bool,
    samples: Vec<NumberedSample>,
    lost: Vec<Lost>,
}

impl Portion {
    /// Takes so much of the room; false if there is not so much.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = self.empty || bytes <= self.room;
        if fits {
            self.room = self.room.saturating_sub(bytes);
            self.empty = false;
        }
        fits
    }
}

impl OwnSamples<'_> {
    /// What a reader is owed, up to `max_bytes` of JSON but at least one sample; `None` if that is
    /// nothing. The newest come first: what is behind by more than one message gets the other half
    /// of each, oldest first, so that neither waits for the other.
    pub fn next(
        &self,
        stream: ContentId,
        reader: &Handle,
        max_bytes: usize,
    ) -> Result<Option<Telemetry>, SqlError> {
        let (sealed, highest) = (self.sealed(reader)?, self.highest()?);
        let mut owed = self.owed(reader)?;
        let mut newest = self.newest(sealed, highest, max_bytes)?;
        let reached = |newest: &[Weighed]| newest.last().map_or(highest, |it| it.sequence() - 1);
        if !owed.is_empty() || reached(&newest) > sealed {
            shorten(&mut newest, max_bytes / 2);
        }
        if reached(&newest) > sealed {
            owed.push(sealed + 1..=reached(&newest));
        }
        let used: usize = newest.iter().map(|it| it.bytes).sum();
        let mut portion = Portion {
            room: max_bytes.saturating_sub(used),
            empty: newest.is_empty(),
            samples: Vec::new(),
            lost: Vec::new(),
        };
        for stretch in owed {
            if !self.fill(&mut portion, &stretch)? {
                break;
            }
        }
        let Portion { mut samples, lost, .. } = portion;
        samples.extend(newest.into_iter().rev().map(|it| it.numbered));
        let any = !samples.is_empty() || !lost.is_empty();
        Ok(any.then_some(Telemetry { stream, samples, lost }))
    }

    /// The newest samples without a hole between them and above `sealed`, newest first.
    fn newest(self, sealed: u64, highest: u64, max_bytes: usize) -> Result<Vec<Weighed>, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT sequence, body FROM own_sample WHERE sequence > ?1 ORDER BY sequence DESC",
        )?;
        let mut rows = statement.query([sealed])?;
        let (mut newest, mut bytes, mut expected) = (Vec::<Weighed>::new(), 0, highest);
        while let Some(row) = rows.next()? {
            let (sequence, body): (u64, String) = (row.get(0)?, row.get(1)?);
            // One that cannot be read is as good as gone.
            let Some(weighed) = Weighed::read(sequence, &body) else { break };
            bytes += weighed.bytes;
            if sequence != expected || (bytes > max_bytes && !newest.is_empty()) {
                break;
            }
            newest.push(weighed);
            expected -= 1;
        }
        Ok(newest)
    }

    /// Adds a stretch as far as there is room; false if there is no more.
    fn fill(self, portion: &mut Portion, stretch: &Stretch) -> Result<bool, SqlError> {
        let mut statement = self.0.prepare_cached(
            "SELECT sequence, body FROM own_sample
             WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence",
        )?;
        let mut rows = statement.query(params![stretch.start(), stretch.end()])?;
        let mut expected = *stretch.start();
        while let Some(row) = rows.next()? {
            let (sequence, body): (u64, String) = (row.get(0)?, row.get(1)?);
            let Some(weighed) = Weighed::read(sequence, &body) else { continue };
            if sequence > expected && !self.lose(portion, expected..=sequence - 1)? {
                return Ok(false);
            }
            if !portion.take(weighed.bytes) {
                return Ok(false);
            }
            portion.samples.push(weighed.numbered);
            expected = sequence + 1;
        }
        if expected <= *stretch.end() {
            return self.lose(portion, expected..=*stretch.end());
        }
        Ok(true)
    }

    /// Adds a stretch whose samples are gone.
    fn lose(self, portion: &mut Portion, gone: Stretch) -> Result<bool, SqlError> {
        if portion.lost.len() == LOST_STRETCHES || !portion.take(AROUND_LOST) {
            return Ok(false);
        }
        let (first, last) = (*gone.start(), *gone.end());
        let told = self
            .0
            .prepare_cached(
                "SELECT min(from_at), max(to_at) FROM dropped WHERE first <= ?2 AND last >= ?1",
            )?
            .query_row([first, last], |row| {
                let (from, to): (Option<u64>, Option<u64>) = (row.get(0)?, row.get(1)?);
                let [from, to] = [from, to].map(|at| at.map(Timestamp::from_millis));
                Ok(Lost { first, last, from, to })
            })?;
        portion.lost.push(told);
        Ok(true)
    }
}

/// A sample and what it takes in a message.
struct Weighed {
    numbered: NumberedSample,
    bytes: usize,
}

impl Weighed {
    fn read(sequence: u64, body: &str) -> Option<Self> {
        let sample = serde_json::from_str(body).ok()?;
        let bytes = body.len() + AROUND_SAMPLE;
        Some(Self { numbered: NumberedSample { sequence, sample }, bytes })
    }

    const fn sequence(&self) -> u64 {
        self.numbered.sequence
    }
}

/// Leaves the newest that fit, but at least one.
fn shorten(newest: &mut Vec<Weighed>, max_bytes: usize) {
    let mut bytes = 0;
    let fit = newest.iter().take_while(|it| {
        bytes += it.bytes;
        bytes <= max_bytes
    });
    let fit = fit.count().max(1);
    newest.truncate(fit);
}
